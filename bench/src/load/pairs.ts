import type { LoadSocket, Target } from './load-socket.js'
import { wires } from './wires.js'

/** Two sockets that reach each other through the target. */
export interface Pair {
  a: LoadSocket
  b: LoadSocket
  /** A message as `a` writes it to `b`. */
  fromA(payload: number): Buffer
  /** A message as `b` writes it to `a`. */
  fromB(payload: number): Buffer
  /** Its size when it arrives. */
  arriving(payload: number): number
  /** How many bytes may be under way. */
  ahead: number
}

/** Opens the pair of this number. Its bytes are known to pass: a first message went each way. */
export async function openPair(target: Target, number: number): Promise<Pair> {
  const wire = wires[target.wire]
  const name = String(number).padStart(6, '0')
  const [a, b, key] = [`a${name}`, `b${name}`, `k${name}`]
  // Whoever only forwards makes the second connection because of the first, so both are awaited
  // together; elsewhere the first is known to wait before the second comes.
  const first = wire.open(target, a, b, key)
  if (target.wire !== 'forward') await first
  const [socketA, socketB] = await Promise.all([first, wire.open(target, b, a, key)])
  const pair: Pair = {
    a: socketA,
    b: socketB,
    fromA: (payload) => wire.message(payload, a, b),
    fromB: (payload) => wire.message(payload, b, a),
    arriving: (payload) => wire.arriving(payload, a, b),
    ahead: wire.ahead ?? Infinity,
  }
  if (wire.paired !== undefined) {
    const { paired } = wire
    await Promise.all([pair.a, pair.b].map((socket) => socket.arrival(paired, 'the pairing')))
  }
  pair.a.write(pair.fromA(8))
  await pair.b.arrival(pair.arriving(8), 'the first message')
  pair.b.write(pair.fromB(8))
  await pair.a.arrival(pair.arriving(8), 'the first message back')
  return pair
}

/** Opens many pairs, a few at a time. */
export async function openPairs(target: Target, count: number): Promise<Pair[]> {
  const pairs: Pair[] = []
  await inTurns(count, 50, async (number) => {
    pairs[number] = await openPair(target, number)
  })
  return pairs
}

/** Runs work for 0, 1, … count − 1, so many of them at a time. */
export async function inTurns(
  count: number,
  atATime: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(atATime, count) }, worker))
}

export const elapse = (seconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))
