import { startMeasuring } from '../measure.js'
import { percentile } from '../statistics.js'
import type { Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { Bystanders } from './bystanders.js'
import { inTurns } from './pairs.js'
import { emptyTally, LoadSession, type Tally } from './sessions.js'

/** Resolves once the condition holds; rejects when a session breaks or time is up. */
function until(tally: Tally, what: string, seconds: number, condition: () => boolean) {
  return new Promise<void>((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(timer)
      tally.onCount = undefined
      if (error) reject(error)
      else resolve()
    }
    const timer = setTimeout(() => settle(new Error(`more than ${seconds} s`)), seconds * 1000)
    const look = () => {
      if (tally.broken !== undefined) settle(new Error(`${what}: ${tally.broken}`))
      else if (condition()) settle()
    }
    tally.onCount = look
    look()
  })
}

/**
 * Peers with open sessions all join at once: each its own keys, or all of them one room. Ends when
 * the server has dealt with every Join and every Introduction has come. Meanwhile bystanders
 * ping, which shows for how long the server answers nobody.
 */
export async function introductions(
  target: Target,
  { peers, keys, room, limit }: { peers: number; keys: number; room: boolean; limit: number },
): Promise<Metrics> {
  const tally = emptyTally()
  const sessions: LoadSession[] = []
  const connected = startMeasuring(target.pids)
  await inTurns(peers, 100, async (number) => {
    sessions[number] = await LoadSession.open(target, number, tally)
  })
  const connecting = connected()
  const bystanders = await Bystanders.start(target)
  const keysOf = (number: number) =>
    room ? ['room'] : Array.from({ length: keys }, (_, key) => `document-${number}-${key}`)

  const joins = sessions.map((session, number) => session.joinAndPing(keysOf(number)))

  const cost = startMeasuring(target.pids)
  sessions.forEach(({ socket }, number) => socket.write(joins[number]!))
  const expected = room ? peers * (peers - 1) : 0
  await until(
    tally,
    'joining',
    limit,
    () => tally.pongs === peers && tally.introductions >= expected,
  )
  const { seconds, serverCpu, loadBusy } = cost()
  if (tally.introductions > expected) throw new Error('an introduction that nobody asked for')
  const delays = await bystanders.stop()
  if (!room) await proveJoined(target, peers, tally)
  return {
    seconds,
    serverCpu,
    loadBusy,
    repeated: tally.repeated,
    delayP99: delays.length > 0 ? percentile(delays, 0.99) : 0,
    delayMost: delays.length > 0 ? Math.max(...delays) : 0,
    connectionsPerSecond: peers / connecting.seconds,
  }
}

/** A late peer joins one key of a hundred others: each of these, and the late one, must hear. */
async function proveJoined(target: Target, peers: number, all: Tally): Promise<void> {
  const asked = Math.min(100, peers)
  const step = Math.floor(peers / asked)
  const tally = emptyTally()
  const late = await LoadSession.open(target, peers, tally)
  const keys = Array.from({ length: asked }, (_, n) => `document-${n * step}-0`)
  late.socket.write(late.joinAndPing(keys))
  await until(tally, 'the late peer', 30, () => tally.introductions === asked)
  await until(all, 'the early peers', 30, () => all.introductions === asked)
}
