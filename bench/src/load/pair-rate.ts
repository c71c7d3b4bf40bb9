import { startMeasuring } from '../measure.js'
import type { Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { inTurns, openPair } from './pairs.js'

/** Pairs are opened, prove that they pass a message each way, and are reset; some at a time. */
export async function pairRate(
  target: Target,
  { warmUp, seconds, atATime }: { warmUp: number; seconds: number; atATime: number },
): Promise<Metrics> {
  const most = 100_000
  let cost = startMeasuring(target.pids)
  let until = Infinity
  let counted = 0
  await inTurns(most, atATime, async (number) => {
    if (number === warmUp) {
      cost = startMeasuring(target.pids)
      until = performance.now() + seconds * 1000
      counted = 0
    }
    if (performance.now() > until) return
    const { a, b } = await openPair(target, number)
    counted++
    // A reset leaves no port behind that waits for its time to pass.
    a.socket.resetAndDestroy()
    b.socket.resetAndDestroy()
  })
  const { seconds: wall, serverCpu, serverBusy, loadBusy } = cost()
  return {
    pairsPerSecond: counted / wall,
    microsecondsPerPair: (serverCpu / counted) * 1e6,
    serverBusy,
    loadBusy,
  }
}
