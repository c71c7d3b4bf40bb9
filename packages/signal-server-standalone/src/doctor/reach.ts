import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { ownFields, patience, type Probe } from './probe.js'
import type { Report } from './report.js'

/** Whether there is a TCP connection at all. */
export async function reach({ host, port }: Probe, report: Report): Promise<boolean> {
  const name = 'reached'
  let address: string
  try {
    ;({ address } = await lookup(host))
  } catch {
    report.bad(name, `There is no host named ${host}.`, 'Check the name, and its entry in the DNS.')
    return false
  }
  const start = performance.now()
  const socket = connect({ host: address, port })
  const failure = await opened(socket, 'connect')
  socket.destroy()
  if (failure === undefined) {
    report.good(name, `${address}, port ${port}, in ${milliseconds(performance.now() - start)}`)
    return true
  }
  if (failure.code === 'ECONNREFUSED') {
    const advice = 'Does the server run, and is this the port that it, or the proxy in front, has?'
    report.bad(name, `Nothing listens at ${host}, port ${port}.`, advice)
  } else {
    const sentence = `${host}, port ${port}, cannot be reached: ${failure.message}.`
    report.bad(name, sentence, 'A firewall may be in the way, or the machine is off.')
  }
  return false
}

/** Whether its certificate is one that browsers accept. */
export async function tls({ secure, host, port }: Probe, report: Report): Promise<boolean> {
  const name = 'TLS'
  if (!secure) {
    const page = 'pages that are on https cannot use it, and the network on the way can read along.'
    report.warn(name, `There is none: ${page}`, 'KEY and CERT, or a proxy in front, add it.')
    return true
  }
  const servername = isIP(host) === 0 ? host : ''
  const socket = connectTls({ host, port, servername, rejectUnauthorized: false })
  const failure = await opened(socket, 'secureConnect')
  const certificate = failure ? undefined : socket.getPeerCertificate()
  // its type says Error, and it is the error's code
  const wrong = socket.authorizationError as unknown as string | null
  socket.destroy()
  if (failure || !certificate) {
    const advice =
      'If it has no TLS, ask for http:// instead; else look at the proxy in front of it.'
    report.bad(name, `No TLS is spoken there (${failure?.code ?? 'no certificate'}).`, advice)
    return false
  }
  const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / 86_400_000)
  if (wrong) {
    report.bad(
      name,
      `Browsers refuse the certificate: ${certificateFault(wrong, certificate, host)}`,
    )
  } else if (days < 7) {
    report.bad(name, `The certificate ends in ${days} days.`, 'Renew it, and see why nobody has.')
  } else {
    report.good(name, `the certificate is accepted, and good for ${days} days`)
  }
  return true
}

/** Whether a signal-server answers plain HTTP there. */
export async function http(probe: Probe, report: Report): Promise<boolean> {
  const name = 'HTTP'
  let health
  try {
    health = await probe.get('/healthz')
  } catch (error) {
    const advice = probe.secure ? [] : ['If it has TLS, ask for https:// instead.']
    report.bad(name, `No HTTP is spoken there: ${(error as Error).message}.`, ...advice)
    return false
  }
  const { status, headers, body } = health
  if (status >= 300 && status < 400) {
    const to = String(headers['location']).replace(/\/healthz$/, '')
    report.bad(name, `It sends everybody on to ${to}.`, 'WebSockets do not follow: use that URL.')
    return false
  }
  if (status >= 502 && status <= 504) {
    const advice = 'Does the server run, and does the proxy have its right address and port?'
    report.bad(name, `A proxy answers (${status}), and reaches no server behind it.`, advice)
    return false
  }
  if (status !== 200 || !body.includes('"ok"')) {
    const found = ownFields(body)?.message ?? `${probe.url}/healthz answers with ${status}`
    const advice =
      'Is the path right (BASE_PATH, and the proxy’s own)? Does another program answer?'
    report.bad(name, `There is no signal-server at this URL: ${found}.`.replace('..', '.'), advice)
    return false
  }
  const ready = await probe.get('/readyz')
  const { status: state, bus, reason } = readinessOf(ready.body)
  if (bus === 'down') {
    report.bad(
      'instances',
      `The server does not reach its other instances: ${reason ?? 'the bus is down.'}`,
      'Look at REDIS_URL, at the rights of its user, and at the log of the server.',
    )
  }
  if (ready.status === 503 && state !== 'starting') {
    report.bad(name, 'The server is about to restart, and lets nobody in.', 'Ask again in a while.')
    return false
  }
  report.good(name, `a signal-server answers, in ${milliseconds(health.milliseconds)}`)
  return true
}

/** What `/readyz` says; nothing if a proxy has answered in its place. */
function readinessOf(body: string): { status?: string; bus?: string; reason?: string } {
  try {
    return (JSON.parse(body) ?? {}) as { status?: string; bus?: string; reason?: string }
  } catch {
    return {}
  }
}

/** Resolves with what went wrong, or with nothing once the socket is open. */
function opened(socket: Socket, event: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve(undefined))
    socket.on('error', resolve)
    socket.setTimeout(patience, () => resolve(new Error(`no answer within ${patience / 1_000} s`)))
  })
}

function certificateFault(code: string, certificate: PeerCertificate, host: string): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'it is self-signed.'
    case 'CERT_HAS_EXPIRED':
      return `it ended on ${certificate.valid_to}.`
    case 'CERT_NOT_YET_VALID':
      return `it begins on ${certificate.valid_from}.`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `it is for ${certificate.subjectaltname ?? 'another name'}, not for ${host}.`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'the certificates between it and a known authority are missing (serve the whole chain).'
    default:
      return `${code}.`
  }
}

/** A time for people. */
export const milliseconds = (time: number): string =>
  `${time < 10 ? time.toFixed(1) : time.toFixed(0)} ms`
