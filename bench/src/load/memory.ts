import { forgetPeak, peakResidentBytes, residentBytes } from '../measure.js'
import { Opcode } from 'signal-test-kit'
import { clientHeader } from './frames.js'
import type { LoadSocket, Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { elapse, inTurns, openPair, openPairs } from './pairs.js'
import { emptyTally, LoadSession } from './sessions.js'
import { wires } from './wires.js'

/** Has the server collect its garbage, where it can: V8 gives back most of it a second later. */
async function collect(target: Target): Promise<void> {
  for (let times = 0; times < 6; times++) {
    if (target.collects) for (const pid of target.pids) process.kill(pid, 'SIGUSR2')
    await elapse(0.25)
  }
}

const opening = {
  waiting: async (target: Target, number: number) => {
    await wires[target.wire].open(target, `a${number}`, `b${number}`, `k${number}`)
  },
  session: async (target: Target, number: number) => {
    const tally = emptyTally()
    const session = await LoadSession.open(target, number, tally)
    session.socket.write(session.joinAndPing([`document-${number}`]))
    while (tally.pongs === 0) await elapse(0.001)
  },
  pair: async (target: Target, number: number) => {
    await openPair(target, number)
  },
}

/**
 * Memory that one more idle thing costs the server, once its garbage is collected. Those that are
 * there before have let V8's young generation grow, which it does once.
 */
export async function idleMemory(
  target: Target,
  { what, before, count }: { what: keyof typeof opening; before: number; count: number },
): Promise<Metrics> {
  await inTurns(before, 50, (number) => opening[what](target, number))
  await collect(target)
  const resident = residentBytes(target.pids)
  await inTurns(count, 50, (number) => opening[what](target, before + number))
  await collect(target)
  return { bytesEach: (residentBytes(target.pids) - resident) / count }
}

/** In pieces, so that it can be seen how far the kernel has taken them. */
function writeInPieces(socket: LoadSocket, bytes: Buffer): void {
  const piece = 64 * 1024
  for (let at = 0; at < bytes.length; at += piece) socket.write(bytes.subarray(at, at + piece))
}

/** Resolves when nothing was taken from any of the sockets for a second. */
async function settled(sockets: readonly LoadSocket[]): Promise<void> {
  const taken = () =>
    sockets.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0)
  for (let last = -1; last !== taken();) {
    last = taken()
    await elapse(1)
  }
}

/** Many sockets send one message each to partners who never come. */
export async function heldBytes(
  target: Target,
  { sockets, bytes }: { sockets: number; bytes: number },
): Promise<Metrics> {
  const wire = wires[target.wire]
  const message = wire.message(bytes, 'a', 'b')
  const waiting: LoadSocket[] = []
  await inTurns(sockets, 50, async (number) => {
    waiting[number] = await wire.open(target, `a${number}`, `b${number}`, `k${number}`)
  })
  forgetPeak(target.pids)
  const before = residentBytes(target.pids)
  for (const socket of waiting) writeInPieces(socket, message)
  await settled(waiting)
  return {
    grownBytes: peakResidentBytes(target.pids) - before,
    closed: waiting.filter((socket) => socket.closed !== undefined).length,
  }
}

/** Many pairs with a reader that reads nothing, in the middle of a frame that never ends. */
export async function stalledPairs(
  target: Target,
  { pairs, bytes }: { pairs: number; bytes: number },
): Promise<Metrics> {
  const opened = await openPairs(target, pairs)
  const bystander = await openPair(target, pairs)
  forgetPeak(target.pids)
  const before = residentBytes(target.pids)
  const mask = Buffer.from([1, 2, 3, 4])
  const beginning = Buffer.concat([
    clientHeader(Opcode.binary, 64 * 1024 * 1024, mask),
    Buffer.alloc(bytes),
  ])
  for (const { a, b } of opened) {
    b.socket.pause()
    writeInPieces(a, beginning)
  }
  await settled(opened.map(({ a }) => a))
  const asked = performance.now()
  bystander.a.write(bystander.fromA(128))
  await bystander.b.arrival(bystander.arriving(128), 'the pair that moves')
  return {
    grownBytes: peakResidentBytes(target.pids) - before,
    closed: opened.filter(({ a, b }) => a.closed !== undefined || b.closed !== undefined).length,
    bystanderMilliseconds: performance.now() - asked,
  }
}
