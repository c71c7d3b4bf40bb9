import { AggregatorRegistry, type Registry } from 'prom-client'
import type { Outcome, Stats } from 'signal-server'
import { isLargest } from '../largest.js'
import type { Report } from './topics.js'

type Metric = object & { type?: string }

/**
 * What all workers count together. What one had counted that is gone stays in the sums, for a
 * counter that falls would be taken for a restart; what it had at the time does not.
 */
export class Totals {
  readonly #startedAt = Date.now()
  /** The last that each worker told, for one that is stuck has its sockets still. */
  readonly #stats = new Map<number, Stats>()
  readonly #metrics = new Map<number, readonly object[]>()
  readonly #gone = new Set<number>()
  #statsOfGone: Stats[] = []
  #metricsOfGone: (readonly object[])[] = []

  /**
   * @param own - what the primary counts itself
   * @param ask - asks all workers
   */
  constructor(
    private readonly own: Registry,
    private readonly ask: (metrics: boolean) => Promise<Report[]>,
  ) {}

  async stats(): Promise<Stats> {
    await this.#hear(false)
    const sum = sumOf([...this.#stats.values(), ...this.#statsOfGone])
    return { ...sum, uptime: (Date.now() - this.#startedAt) / 1_000 }
  }

  /** In the text format of Prometheus. */
  async metrics(): Promise<string> {
    await this.#hear(true)
    return AggregatorRegistry.aggregate([
      await this.own.getMetricsAsJSON(),
      ...this.#metrics.values(),
      ...this.#metricsOfGone,
    ]).metrics()
  }

  /** A worker is gone, and another process has its number from now on. */
  async replaced(number: number, pid: number | undefined): Promise<void> {
    if (pid !== undefined) this.#gone.add(pid)
    const stats = this.#stats.get(number)
    const metrics = this.#metrics.get(number)
    this.#stats.delete(number)
    this.#metrics.delete(number)
    if (stats) this.#statsOfGone = [sumOf([...this.#statsOfGone, countersOf(stats)])]
    if (!metrics) return
    const counted = metrics.filter(({ type }: Metric) => type === 'counter' || type === 'histogram')
    const all = [...this.#metricsOfGone, counted]
    this.#metricsOfGone = all
    const sum = await AggregatorRegistry.aggregate(all).getMetricsAsJSON()
    if (this.#metricsOfGone === all) this.#metricsOfGone = [sum]
  }

  async #hear(withMetrics: boolean): Promise<void> {
    for (const { number, pid, stats, metrics } of await this.ask(withMetrics)) {
      // what it said last comes after its end sometimes
      if (this.#gone.has(pid)) continue
      this.#stats.set(number, stats)
      if (metrics) this.#metrics.set(number, metrics)
    }
  }
}

const countersOf = (stats: Stats): Stats => ({
  ...stats,
  sockets: 0,
  connections: 0,
  bufferedBytes: 0,
  endpoints: {},
})

function sumOf(all: readonly Stats[]): Stats {
  const total = (read: (stats: Stats) => number) => all.reduce((sum, one) => sum + read(one), 0)
  const names = <K extends keyof Stats>(name: K) => [
    ...new Set(all.flatMap((stats) => Object.keys(stats[name] as object))),
  ]
  const endpoints = names('endpoints').map((endpoint) => {
    const gauges = new Set(all.flatMap((stats) => Object.keys(stats.endpoints[endpoint] ?? {})))
    const values = [...gauges].map((gauge) => {
      const read = (stats: Stats) => stats.endpoints[endpoint]?.[gauge] ?? 0
      return [gauge, isLargest(gauge) ? Math.max(...all.map(read)) : total(read)] as const
    })
    return [endpoint, Object.fromEntries(values)] as const
  })
  const outcomes = names('outcomes').map(
    (name) => [name, total((stats) => stats.outcomes[name as Outcome])] as const,
  )
  return {
    sockets: total((stats) => stats.sockets),
    connections: total((stats) => stats.connections),
    bufferedBytes: total((stats) => stats.bufferedBytes),
    pipedBytes: total((stats) => stats.pipedBytes),
    pipedMessages: total((stats) => stats.pipedMessages),
    introductionMessages: total((stats) => stats.introductionMessages),
    uptime: Math.max(0, ...all.map(({ uptime }) => uptime)),
    endpoints: Object.fromEntries(endpoints),
    outcomes: Object.fromEntries(outcomes) as Stats['outcomes'],
  }
}
