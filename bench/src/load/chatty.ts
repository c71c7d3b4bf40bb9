import { startMeasuring } from '../measure.js'
import { hasFrames, type LoadSocket, type Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { elapse, openPairs } from './pairs.js'

/** Many pairs, each with one message on its way: whoever gets it answers at once. */
export async function chatty(
  target: Target,
  {
    pairs,
    bytes,
    seconds,
    warmUp,
  }: { pairs: number; bytes: number; seconds: number; warmUp: number },
): Promise<Metrics> {
  const opened = await openPairs(target, pairs)
  let messages = 0
  let running = true
  let lost: string | undefined
  const answer = (socket: LoadSocket, message: Buffer, arriving: number) => {
    if (hasFrames(target)) socket.answerPings()
    socket.onClose = (reason) => (lost ??= reason)
    socket.onBytes = () => {
      if (socket.received < arriving) return
      if (socket.received > arriving) lost ??= 'more bytes than expected'
      socket.received = 0
      messages++
      if (running) socket.write(message)
    }
  }
  for (const pair of opened) {
    answer(pair.a, pair.fromA(bytes), pair.arriving(bytes))
    answer(pair.b, pair.fromB(bytes), pair.arriving(bytes))
    pair.a.write(pair.fromA(bytes))
  }
  await elapse(warmUp)
  const cost = startMeasuring(target.pids)
  const before = messages
  await elapse(seconds)
  const counted = messages - before
  const { seconds: wall, serverCpu, serverBusy, loadBusy } = cost()
  running = false
  if (lost) throw new Error(lost)
  return {
    messagesPerSecond: counted / wall,
    microsecondsPerMessage: (serverCpu / counted) * 1e6,
    serverBusy,
    loadBusy,
  }
}
