import { randomBytes } from 'node:crypto'
import { connectionPath, introductionPath } from 'signal-server-protocol'
import type { Probe, Peer } from './probe.js'
import { milliseconds } from './reach.js'
import type { Report } from './report.js'
import type { ProbeClient } from './clients.js'

const large = 1024 * 1024
const rounds = 20
const several =
  'If several instances run behind one name, they need a bus (Redis), or there must be one only.'

/** What the doctor opened, all of it idle. */
export interface Opened {
  introductions: readonly Peer[]
  pipe: readonly [Peer, Peer]
}

/** Two peers hear of each other. */
export async function introduce(
  probe: Probe,
  { id, otherId, key }: ProbeClient,
  report: Report,
): Promise<Peer[] | undefined> {
  const name = 'introduction'
  const peers: Peer[] = []
  try {
    for (const each of [id, otherId]) peers.push(await probe.open(introductionPath(each), true))
    await Promise.all(peers.map((peer) => peer.nextOf('Welcome')))
    const start = performance.now()
    for (const peer of peers) peer.send(JSON.stringify({ type: 'Join', join: [key] }))
    const heard = await Promise.all(peers.map((peer) => peer.nextOf('Introduction')))
    const right = heard[0]!['id'] === otherId && heard[1]!['id'] === id
    if (!right) throw new Error('the wrong peers were introduced')
    report.good(name, `two peers heard of each other in ${milliseconds(performance.now() - start)}`)
    return peers
  } catch (error) {
    report.bad(name, `Two peers do not hear of each other: ${(error as Error).message}.`, several)
    for (const peer of peers) peer.end()
    return undefined
  }
}

/** Two connections are joined; what the first sends before the second comes arrives first. */
export async function pipe(
  probe: Probe,
  { id, otherId, key }: ProbeClient,
  report: Report,
): Promise<[Peer, Peer] | undefined> {
  const peers: Peer[] = []
  let name = 'held message'
  try {
    const first = await probe.open(connectionPath(id, otherId, key), false)
    peers.push(first)
    first.send('sent before you came')
    const second = await probe.open(connectionPath(otherId, id, key), false)
    peers.push(second)
    const held = (await second.next()).toString()
    if (held !== 'sent before you came') throw new Error('something else arrived')
    report.good(name, 'what was sent before the peer came arrived first')

    name = 'pipe'
    await carries(first, second)
    await carries(second, first)
    report.good(name, 'text and 1 MiB of bytes passed both ways, unchanged')

    name = 'round trip'
    const times = await roundTrips(first, second)
    report.good(
      name,
      `${milliseconds(times[rounds / 2]!)} between two peers here, through the server`,
    )
    return [first, second]
  } catch (error) {
    report.bad(name, `It does not work: ${(error as Error).message}.`, several)
    for (const peer of peers) peer.end()
    return undefined
  }
}

/** A minute without a word: does anything on the way cut what is idle? */
export async function idle(
  { introductions, pipe }: Opened,
  time: number,
  report: Report,
): Promise<void> {
  const name = 'idling'
  const start = performance.now()
  const all = [...introductions, ...pipe]
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, time)
    for (const { ws } of all) {
      ws.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    }
  })
  const seconds = Math.round((performance.now() - start) / 1_000)
  const cut = all.find(({ closing }) => closing !== undefined)
  if (cut) {
    const advice =
      'Something on the way cuts what is idle. The server pings every 22 s, so allow 60 s and more. nginx: proxy_read_timeout 75s; HAProxy: timeout tunnel 75s.'
    const { code } = cut.closing!
    return report.bad(
      name,
      `A connection was cut after ${seconds} s without a word (${code}).`,
      advice,
    )
  }
  try {
    await carries(...pipe)
    report.good(name, `after ${seconds} s without a word everything works still`)
  } catch (error) {
    report.bad(
      name,
      `After ${seconds} s without a word nothing passes: ${(error as Error).message}.`,
    )
  }
}

async function carries(from: Peer, to: Peer): Promise<void> {
  const bytes = randomBytes(large)
  from.send('grüße 🐟')
  from.send(bytes)
  if ((await to.next()).toString() !== 'grüße 🐟') throw new Error('text was changed on its way')
  if (!(await to.next()).equals(bytes)) throw new Error('bytes were changed on their way')
}

/** Sorted, in milliseconds. */
async function roundTrips(from: Peer, to: Peer): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    from.send(String(round))
    to.send(await to.next())
    await from.next()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)
}
