import { startMeasuring } from '../measure.js'
import type { Target } from './load-socket.js'
import { elapse, openPair } from './pairs.js'
import type { Metrics } from './metrics.js'

/** What is handed to the kernel at once, at least: many small messages, or one large one. */
const batchBytes = 256 * 1024

/** One pair: `a` writes as fast as it is taken, `b` counts what arrives. */
export async function throughput(
  target: Target,
  { bytes, seconds, warmUp }: { bytes: number; seconds: number; warmUp: number },
): Promise<Metrics> {
  const pair = await openPair(target, 1)
  const frames = Math.max(1, Math.floor(batchBytes / bytes))
  const batch = Buffer.concat(Array.from({ length: frames }, () => pair.fromA(bytes)))
  let batches = 0
  let running = true
  const pump = () => {
    do batches++
    while (pair.a.write(batch) && running)
  }
  pair.a.socket.on('drain', () => running && pump())
  const broken = new Promise<never>((_, reject) => {
    pair.a.onClose = pair.b.onClose = (reason) => reject(new Error(reason))
  })
  pump()
  await Promise.race([broken, elapse(warmUp)])
  const cost = startMeasuring(target.pid)
  const before = pair.b.received
  await Promise.race([broken, elapse(seconds)])
  const arrived = pair.b.received - before
  const { seconds: wall, serverCpu, serverBusy, loadBusy } = cost()
  running = false
  await pair.b.arrival(batches * frames * pair.arriving(bytes), 'the rest of the messages')
  const messages = arrived / pair.arriving(bytes)
  return {
    messagesPerSecond: messages / wall,
    microsecondsPerMessage: (serverCpu / messages) * 1e6,
    bytesPerSecond: (messages * bytes) / wall,
    secondsPerGigabyte: serverCpu / ((messages * bytes) / 1e9),
    serverBusy,
    loadBusy,
  }
}
