import { startMeasuring } from '../measure.js'
import { percentile } from '../statistics.js'
import { hasFrames, type Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { openPair, openPairs } from './pairs.js'

/**
 * One pair plays one message to and fro; meanwhile other pairs send a steady stream of the given
 * rate (none: idle). The stream has a fixed rate, so that every contestant carries the same.
 */
export async function roundTrip(
  target: Target,
  {
    bytes,
    seconds,
    background,
    pairs,
  }: { bytes: number; seconds: number; background: number; pairs: number },
): Promise<Metrics> {
  const measured = await openPair(target, pairs)
  const others = background > 0 ? await openPairs(target, pairs) : []
  if (hasFrames(target)) for (const end of [measured.a, measured.b]) end.answerPings()
  const messages = others.map((pair) => pair.fromA(bytes))
  const began = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * background)
    for (; sent < due; sent++) others[sent % pairs]?.a.write(messages[sent % pairs]!)
  }, 1)
  const there = measured.fromA(bytes)
  const back = measured.fromB(bytes)
  const arriving = measured.arriving(bytes)
  const times: number[] = []
  // The first stretch warms both sides up and is not counted.
  const warmUntil = began + Math.min(500, seconds * 250)
  const until = warmUntil + seconds * 1000
  const cost = startMeasuring(target.pids)
  while (performance.now() < until) {
    const start = performance.now()
    measured.a.write(there)
    await measured.b.arrival(arriving, 'a round trip')
    measured.b.write(back)
    await measured.a.arrival(arriving, 'a round trip')
    if (start >= warmUntil) times.push((performance.now() - start) * 1000)
  }
  clearInterval(timer)
  const { serverBusy, loadBusy } = cost()
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    serverBusy,
    loadBusy,
  }
}
