import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Pair } from './pair.js'

// so few that nothing is collected while what they allocate is measured
const measured = 40

/** What a message costs two machines that are joined directly, as a table for people. */
export function measure(): string {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const lines = ['size      a turn   µs a message   bytes allocated   overhead']
  for (const [size, batch] of [
    [64, 1],
    [64, 20],
    [16_384, 1],
    [16_384, 10],
  ] as const) {
    const times = Array.from({ length: 9 }, () => timeOf(size, batch)).toSorted((a, b) => a - b)
    const { allocated, overhead } = memoryOf(size, batch, collect)
    lines.push(
      [
        `${size} B`.padEnd(9),
        String(batch).padStart(6),
        times[4]!.toFixed(2).padStart(14),
        allocated.toFixed(0).padStart(17),
        `${overhead.toFixed(2)} B`.padStart(10),
      ].join(' '),
    )
  }
  lines.push('Both ends together, one of which sends; the message is in neither figure of bytes.')
  return lines.join('\n')
}

function met(): Pair {
  const pair = new Pair(['k'])
  pair.run(1_000)
  return pair
}

/** @returns how many bytes have gone over the transport, both ways */
function send(pair: Pair, message: Uint8Array, batch: number, count: number): number {
  const channel = pair.a.channels.get('k')!
  let bytes = 0
  for (let sent = 0; sent < count; sent += batch) {
    for (let n = 0; n < batch; n++) channel.send(message)
    pair.run(20)
    pair.b.messages.length = 0
    for (const { record } of pair.sent.splice(0)) bytes += record.length
  }
  return bytes
}

/** Microseconds a message. */
function timeOf(size: number, batch: number): number {
  const pair = met()
  const message = new Uint8Array(size)
  const count = 10_000
  send(pair, message, batch, count)
  const began = performance.now()
  send(pair, message, batch, count)
  return ((performance.now() - began) * 1_000) / count
}

function memoryOf(size: number, batch: number, collect: () => void) {
  const pair = met()
  const message = new Uint8Array(size)
  send(pair, message, batch, 2_000)
  collect()
  const before = process.memoryUsage()
  const bytes = send(pair, message, batch, measured)
  const after = process.memoryUsage()
  const all = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  return { allocated: all / measured - size, overhead: bytes / measured - size }
}
