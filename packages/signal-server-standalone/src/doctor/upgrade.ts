import { introductionPath, SUBPROTOCOL } from 'signal-server-protocol'
import { ownFields, Refused, type Probe } from './probe.js'
import type { Report } from './report.js'
import { claimsOf, type ProbeClient } from './clients.js'

/** Whether WebSockets get in, through whatever is in front, with or without a token. */
export async function upgrade(probe: Probe, client: ProbeClient, report: Report): Promise<boolean> {
  const path = introductionPath(client.id)
  try {
    const peer = await probe.open(path, true)
    peer.end()
    if (peer.ws.protocol !== SUBPROTOCOL) {
      const advice = 'Does the proxy pass Sec-WebSocket-Protocol on, and is the server up to date?'
      report.bad(
        'upgrade',
        `WebSockets get in, and without the subprotocol ${SUBPROTOCOL}.`,
        advice,
      )
      return false
    }
    report.good('upgrade', 'WebSockets get in')
  } catch (error) {
    if (error instanceof Refused) return explain(error, probe, report)
    const advice = 'The proxy may not know of WebSockets, or hold them back.'
    report.bad('upgrade', `An upgrade is not answered: ${(error as Error).message}.`, advice)
    return false
  }
  await token(probe, path, report)
  return true
}

async function token(probe: Probe, path: string, report: Report): Promise<void> {
  const without = await probe.open(path, true, { token: null }).then(
    (peer) => peer.end(),
    (error: unknown) => error,
  )
  if (probe.token === undefined) {
    report.note('token', 'not needed: everybody may come in')
  } else if (without === undefined) {
    report.note('token', 'not needed: the server lets everybody in')
  } else {
    report.good('token', `accepted${claimsOf(probe.token).text}; nobody gets in without one`)
  }
}

function explain(refused: Refused, probe: Probe, report: Report): false {
  const { status, body, sentence } = refused
  const own = ownFields(body)?.error
  if (status === 401 && probe.token === undefined) {
    report.bad('token', 'This server wants a token.', 'Give me one: --token TOKEN.')
  } else if (status === 401) {
    report.bad('token', `The token is refused: ${sentence ?? 'no reason given'}`)
  } else if (status === 403 && own !== undefined) {
    report.bad('token', `The token is good, and not for this: ${sentence}`)
  } else if (own === 'upgrade_required' || own === 'method_not_allowed') {
    report.bad(
      'upgrade',
      'The request arrives at the server, and not as an upgrade: the proxy in front drops it.',
      'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
      'Apache: ProxyPass with upgrade=websocket. A load balancer: its HTTP mode with WebSockets.',
    )
  } else if (sentence !== undefined) {
    report.bad('upgrade', `The server refuses (${status}): ${sentence}`)
  } else if (status === 200 || status === 404) {
    const advice = 'Does the proxy pass on /introduction/ and /connection/, and not only /healthz?'
    report.bad(
      'upgrade',
      `Something else answers at ${probe.url}/introduction/ (${status}).`,
      advice,
    )
  } else {
    const advice = 'That answer is not the server’s own: look at the log of the proxy.'
    report.bad('upgrade', `An upgrade is answered with ${status}.`, advice)
  }
  return false
}
