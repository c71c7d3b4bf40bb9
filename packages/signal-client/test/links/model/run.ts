import type { Channel } from '../../../src/link/channel.js'
import { faultTime, type Action } from './actions.js'
import { Clock } from './clock.js'
import { Conversations } from './conversations.js'
import { End } from './end.js'
import { Random } from './random.js'
import { Server, type Socket } from './server.js'

/** What came of a schedule. */
export interface Outcome {
  /** What went wrong; none if all is well. */
  faults: string[]
  /** What was not open, or had not arrived, a while after the last fault. */
  lateAfter: number
  trace: string[]
  messages: number
  dials: number
  /** Channels that were lost. */
  lost: number
}

// when everything must be open again and have arrived, after the last fault; seldom it takes long
const looks = [20_000, 70_000, 200_000]

/** Runs a schedule, and checks safety all the time and liveness at the end. */
export function run(actions: readonly Action[], seed: number, withTrace = false): Outcome {
  const clock = new Clock()
  const random = new Random(seed ^ 0x5bd1e995)
  const trace: string[] = []
  const log = withTrace
    ? (line: string) => void trace.push(`${(clock.now / 1_000).toFixed(3).padStart(8)} ${line}`)
    : undefined
  const hasFaults = () => clock.now < faultTime
  const server = new Server(clock, random, hasFaults, log)
  const conversations = new Conversations()
  const world = { clock, server, conversations, hasFaults, log }
  const ends: (End | undefined)[] = []
  let messages = 0

  const live = () => ends.filter((end): end is End => end?.isLive === true)
  const pickSocket = (pick: number): [End, Socket] | undefined => {
    const all = live().flatMap((end) => [...end.sockets].map((s): [End, Socket] => [end, s]))
    return all[Math.floor(pick * all.length)]
  }
  const pickChannel = (pick: number): Channel | undefined => {
    const all = live()
      .flatMap((end) => [...end.channels])
      .filter(({ state }) => state === 'open')
    return all[Math.floor(pick * all.length)]
  }
  const carryOut = (does: Action['does'], index: number): void => {
    switch (does.type) {
      case 'start': {
        const seeded = seed * 31 + index * 7 + 1
        ends[index] = new End({ ...does, seed: seeded }, world)
        return
      }
      case 'plainServer':
        server.isPlain = true
        return
      case 'join':
        return ends[does.end]?.join(does.key)
      case 'leave':
        return ends[does.end]?.leave(does.key)
      case 'cut': {
        const picked = pickSocket(does.pick)
        return picked?.[0].cut(picked[1], does.speed)
      }
      case 'stall': {
        const picked = pickSocket(does.pick)
        if (!picked) return
        log?.(`STALL ${picked[1].name} for ${Math.round(does.milliseconds)} ms`)
        picked[1].up.stall(does.milliseconds)
        return picked[1].down.stall(does.milliseconds)
      }
      case 'cutIntroduction':
        return ends[does.end]?.cutIntroduction()
      case 'stop':
        return ends[does.end]?.stop(does.isGraceful)
      case 'pause': {
        const end = ends[does.end]
        if (end) end.isPaused = true
        return
      }
      case 'read':
        return ends[does.end]?.read()
      case 'send': {
        const channel = pickChannel(does.pick)
        for (let n = 0; channel && n < does.count; n++) {
          conversations.send(channel, does.size, does.isText)
          messages++
        }
        return
      }
      case 'meddle': {
        const end = ends[does.end]
        if (end) end.meddling = does.chance
        return
      }
      case 'probe':
        return ends[does.end]?.links.probe()
      case 'close':
        return pickChannel(does.pick)?.close()
    }
  }
  for (const [index, { at, does }] of actions.entries())
    clock.after(at, () => carryOut(does, index))
  clock.runUntil(faultTime)
  log?.('--- no faults any more')
  for (const end of live()) {
    end.isPaused = false
    end.meddling = 0
    end.read()
  }
  let lateAfter = 0
  let missing: string[] = []
  for (const look of looks) {
    clock.runUntil(faultTime + look)
    missing = notOpen(live(), server, conversations)
    if (missing.length === 0) break
    lateAfter = look
  }
  const sum = (count: (end: End) => number) =>
    ends.reduce((total, end) => total + (end ? count(end) : 0), 0)
  const faults = [...conversations.faults, ...missing]
  const [dials, lost] = [sum((end) => end.dials), sum((end) => end.lost)]
  return { faults, lateAfter, trace, messages, dials, lost }
}

/** Which shared keys are not open, and what has not arrived. */
function notOpen(ends: readonly End[], server: Server, conversations: Conversations): string[] {
  const missing: string[] = []
  for (const one of ends) {
    for (const other of ends) {
      if (one.id >= other.id) continue
      for (const key of one.wanted) {
        const has = (end: End) => server.newest(end.id, key) === end.session
        if (!other.wanted.has(key) || !has(one) || !has(other)) continue
        if (one.options.isRaw || other.options.isRaw || server.isPlain) {
          for (const [end, peer] of [
            [one, other],
            [other, one],
          ] as const) {
            if (!end.pipes.has(`${peer.id} ${key}`))
              missing.push(`${end.name}: ${key}: no raw pipe to ${peer.name}`)
          }
          continue
        }
        for (const [end, peer] of [
          [one, other],
          [other, one],
        ] as const) {
          // two that met as raw ends stay so until one of the pipes ends
          if (end.pipes.has(`${peer.id} ${key}`)) continue
          const open = [...end.channels].filter(
            (channel) => channel.key === key && channel.id === peer.id && channel.state === 'open',
          )
          if (open.length !== 1)
            missing.push(`${end.name}: ${key} is open ${open.length} times to ${peer.name}`)
          for (const channel of open) {
            const count = conversations.missing(channel)
            if (count > 0) missing.push(`${end.name}: ${count} messages on ${key} have not arrived`)
            const { bufferedAmount } = channel
            if (bufferedAmount > 0) missing.push(`${end.name}: ${bufferedAmount} bytes are kept`)
          }
        }
      }
    }
  }
  for (const end of ends) missing.push(...tooManySockets(end, ends, server))
  return missing
}

/** Sockets that nobody needs: one suffices for each session of a peer, or raw key, that is shared. */
function tooManySockets(end: End, ends: readonly End[], server: Server): string[] {
  const needed = new Map<string, Set<string>>()
  for (const key of end.wanted) {
    if (server.newest(end.id, key) !== end.session) continue
    for (const id of new Set(ends.map((each) => each.id))) {
      const peer = server.newest(id, key)
      if (id === end.id || !peer) continue
      const isRaw =
        end.options.isRaw ||
        peer.link === undefined ||
        server.isPlain ||
        end.pipes.has(`${id} ${key}`)
      const sockets = needed.get(id) ?? new Set()
      needed.set(id, sockets.add(isRaw ? `raw ${key}` : peer.link))
    }
  }
  const counts = new Map<string, number>()
  for (const { to } of end.sockets) counts.set(to, (counts.get(to) ?? 0) + 1)
  return [...counts]
    .filter(([id, count]) => count > (needed.get(id)?.size ?? 0))
    .map(
      ([id, count]) =>
        `${end.name} has ${count} sockets to ${id}, needs ${needed.get(id)?.size ?? 0}`,
    )
}
