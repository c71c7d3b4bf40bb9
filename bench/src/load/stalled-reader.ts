import { forgetPeak, peakResidentBytes, residentBytes } from '../measure.js'
import type { Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { elapse, openPair } from './pairs.js'

/**
 * `b` stops reading while `a` writes as much as is taken, up to a limit; then `b` reads on, and
 * everything that was taken has to arrive.
 */
export async function stalledReader(
  target: Target,
  { bytes, limit }: { bytes: number; limit: number },
): Promise<Metrics> {
  const pair = await openPair(target, 1)
  const message = pair.fromA(bytes)
  forgetPeak(target.pids)
  const before = residentBytes(target.pids)
  pair.b.socket.pause()
  let sent = 0
  let most = Math.floor(limit / message.length)
  const pump = () => {
    while (sent < most) {
      sent++
      if (!pair.a.write(message)) return
    }
  }
  pair.a.socket.on('drain', pump)
  pump()
  // It is stuck when nothing more was taken for half a second.
  let taken = -1
  while (sent < most && taken < pair.a.socket.bytesWritten && !pair.a.closed && !pair.b.closed) {
    taken = pair.a.socket.bytesWritten
    await elapse(0.5)
  }
  await elapse(0.5)
  const grown = peakResidentBytes(target.pids) - before
  const swallowed = sent * message.length - pair.a.socket.writableLength
  most = sent
  pair.b.socket.resume()
  await pair.b.arrival(sent * pair.arriving(bytes), 'after the stall', 60)
  return { grownBytes: grown, swallowedBytes: swallowed }
}
