import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { IceServer } from 'signal-server-protocol'
import type { Probe } from './probe.js'
import type { Report } from './report.js'

const name = 'ICE servers'
const patience = 3_000

/** What clients are told of STUN and TURN, and whether these answer. */
export async function iceServers(probe: Probe, report: Report): Promise<void> {
  const { status, body } = await probe.get('/ice-servers')
  if (status !== 200) return report.bad(name, `/ice-servers answers with ${status}.`)
  const { iceServers: servers } = JSON.parse(body) as { iceServers: IceServer[] }
  if (servers.length === 0) {
    return report.note(
      name,
      'none: WebRTC finds a way only inside one network (STUN_URLS, TURN_URLS)',
    )
  }
  for (const { urls, username } of servers) {
    const expiry = Number(username?.split(':')[0]) * 1_000
    if (expiry < Date.now()) {
      report.bad(name, 'The TURN credential has expired already.', 'Are the clocks right?')
    }
    for (const url of [urls].flat()) await answers(url, report)
  }
}

async function answers(url: string, report: Report): Promise<void> {
  const [, scheme = '', host = '', port, transport] =
    /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/.exec(url) ?? []
  const overTls = scheme.endsWith('s')
  const target = { host: host.replace(/[[\]]/g, ''), port: Number(port ?? (overTls ? 5349 : 3478)) }
  const udp = !overTls && transport !== 'tcp'
  try {
    await (udp ? binding(target) : accepts(target))
    report.good(name, `${url} answers`)
  } catch (error) {
    const way = udp ? 'UDP' : 'TCP'
    const advice = `Is ${way} port ${target.port} open in every firewall on the way to it?`
    report.bad(name, `${url} does not answer: ${(error as Error).message}.`, advice)
  }
}

/** Asks a STUN or TURN server for our own address (RFC 8489 §3): any answer will do. */
async function binding({ host, port }: { host: string; port: number }): Promise<void> {
  const { address, family } = await lookup(host)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  const transaction = randomBytes(12)
  const request = Buffer.concat([
    Buffer.from([0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42]),
    transaction,
  ])
  let late: NodeJS.Timeout | undefined
  // a datagram may get lost
  const again = setInterval(() => socket.send(request, port, address), patience / 3)
  try {
    await new Promise<void>((resolve, reject) => {
      late = setTimeout(() => reject(new Error(`nothing within ${patience / 1_000} s`)), patience)
      socket.on('error', reject)
      socket.on('message', (answer) => {
        if (answer.subarray(8, 20).equals(transaction)) resolve()
      })
      socket.send(request, port, address)
    })
  } finally {
    clearTimeout(late)
    clearInterval(again)
    socket.close()
  }
}

function accepts(target: { host: string; port: number }): Promise<void> {
  const socket = connect(target)
  return new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve)
    socket.on('error', reject)
    socket.setTimeout(patience, () => reject(new Error(`nothing within ${patience / 1_000} s`)))
  }).finally(() => socket.destroy())
}
