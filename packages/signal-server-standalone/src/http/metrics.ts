import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type Aggregator,
} from 'prom-client'
import { version, type Bus, type SignalServer, type Stats } from 'signal-server'
import { isLargest } from '../largest.js'
import { outputMetrics } from './output-metrics.js'
import { mostViewers } from './status-page.js'
import type { Traffic } from './traffic.js'

// from a pair on one machine to a hold that waits for its two minutes
const pairingBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 120]
const lifeBuckets = [1, 10, 60, 300, 1_800, 3_600, 21_600, 86_400]

// gauges of prom-client with the ending of counters; each is the sum of the gauge without it
const misnamed = ['resources', 'handles', 'requests'].map((what) => `nodejs_active_${what}_total`)

/**
 * What a server counts. Labels have names of outcomes and endpoints only: never an id, a key, an
 * app or an address, of which there are as many as clients like. Beside what is used of a limit stands
 * the limit, with `max` in its name as in those of Prometheus's own client libraries.
 *
 * @param redis - the bus on it, where there is one
 * @param viewed - what the viewers of the status page watch, if there is such a page
 */
export function metricsOf(
  server: SignalServer,
  redis: Bus | undefined,
  viewed: Traffic | undefined,
): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)
  outputMetrics(registry)
  const registers = [registry]
  const { limits } = server
  let latest: Stats | undefined
  // all metrics of one collection are asked in the same turn, and a snapshot costs some time per app
  const snapshot = () => {
    if (!latest) {
      latest = server.stats()
      queueMicrotask(() => (latest = undefined))
    }
    return latest
  }

  new Gauge({
    name: 'signal_build_info',
    help: 'The version that runs; always 1.',
    labelNames: ['version'],
    aggregator: 'first',
    registers,
  }).set({ version }, 1)
  gauge('signal_sockets', 'Sockets that were upgraded and live.', (stats) => stats.sockets)
  usage(
    'signal_connections',
    'Sockets, and the other connections that count as such.',
    (stats) => stats.connections,
    limits.connections,
  )
  usage(
    'signal_buffered_bytes',
    'Bytes buffered in all.',
    (stats) => stats.bufferedBytes,
    limits.bufferedBytes,
  )
  if (viewed) {
    const help = 'Viewers of the live status page.'
    usage('signal_status_viewers', help, () => viewed.viewers, mostViewers)
  }
  gauge('signal_ready', 'Whether it lets clients in.', () => (server.draining ? 0 : 1), 'min')
  if (redis) gauge('signal_redis_up', 'Whether Redis answers.', () => (redis.up ? 1 : 0), 'min')
  counter('signal_piped_bytes_total', 'Bytes through pipes.', (stats) => stats.pipedBytes)
  counter('signal_piped_messages_total', 'Messages through pipes.', (stats) => stats.pipedMessages)
  counter(
    'signal_introduction_messages_total',
    'Messages that came on introduction sockets.',
    (stats) => stats.introductionMessages,
  )
  for (const [endpoint, gauges] of Object.entries(server.stats().endpoints)) {
    for (const name of Object.keys(gauges)) {
      const help = `What stats() calls ${name} at the endpoint ${endpoint}.`
      const metric = `signal_${snakeCase(endpoint)}_${snakeCase(name)}`
      const read = (stats: Stats) => stats.endpoints[endpoint]?.[name] ?? 0
      const aggregator = isLargest(name) ? 'max' : 'sum'
      usage(metric, help, read, limits.endpoints[endpoint]?.[name], aggregator)
    }
  }
  new Counter({
    name: 'signal_outcomes_total',
    help: 'What happened to clients, by the name that stats and logs use.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset()
      for (const [outcome, times] of Object.entries(snapshot().outcomes)) {
        this.inc({ outcome }, times)
      }
    },
  })

  const pairing = histogram(
    'signal_pairing_seconds',
    'From the first request to the pair.',
    pairingBuckets,
  )
  const pipe = histogram('signal_pipe_seconds', 'How long pipes live.', lifeBuckets)
  const session = histogram('signal_session_seconds', 'How long introductions live.', lifeBuckets)
  server.on('pair', ({ waited }) => pairing.observe(waited / 1_000))
  server.on('unpair', ({ lasted }) => pipe.observe(lasted / 1_000))
  server.on('sessionEnd', ({ lasted }) => session.observe(lasted / 1_000))

  return registry

  function gauge(
    name: string,
    help: string,
    read: (stats: Stats) => number,
    aggregator: Aggregator = 'sum',
  ): void {
    new Gauge({
      name,
      help,
      registers,
      // of several processes
      aggregator,
      collect() {
        this.set(read(snapshot()))
      },
    })
  }

  /** What is used of a limit, and the limit if there is one. */
  function usage(
    name: string,
    help: string,
    read: (stats: Stats) => number,
    limit: number | undefined,
    aggregator: Aggregator = 'sum',
  ): void {
    gauge(name, help, read, aggregator)
    if (limit === undefined) return
    const of = `The most that ${name} may be; +Inf if there is no limit.`
    gauge(maximumOf(name), of, () => limit, aggregator)
  }

  function counter(name: string, help: string, read: (stats: Stats) => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(snapshot()))
      },
    })
  }

  function histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers })
  }
}

/** The name of a limit: `signal_connections_max`, or `signal_buffered_max_bytes` with a unit. */
const maximumOf = (name: string) => name.replace(/(_bytes)?$/, '_max$1')

/** Names in metrics have small letters and underscores only. */
const snakeCase = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/\W/g, '_')
