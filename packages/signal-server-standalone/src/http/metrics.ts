import { Router } from 'express'
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type Aggregator,
} from 'prom-client'
import { version, type Bus, type SignalServer, type Stats } from 'signal-server'
import { outputMetrics } from './output-metrics.js'

// from a pair on one machine to a hold that waits for its two minutes
const pairingBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 120]
const lifeBuckets = [1, 10, 60, 300, 1_800, 3_600, 21_600, 86_400]

// collecting takes some milliseconds: the result is good for so many times as long, up to a second
const mostOfTime = 20
const oldest = 1_000

/** `/metrics`, where Prometheus looks. Many who ask at once get what was collected for one. */
export function metricsRouter(collect: () => Promise<string>): Router {
  let latest: Promise<string> | undefined
  let until = 0
  const metrics = () => {
    const start = performance.now()
    if (latest && start < until) return latest
    until = Infinity
    latest = collect().finally(() => {
      const now = performance.now()
      until = now + Math.min(oldest, (now - start) * mostOfTime)
    })
    return latest
  }
  const router = Router()
  router.get('/metrics', async (_request, response) => {
    response.set({
      'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE,
      'Cache-Control': 'no-store',
    })
    response.send(await metrics())
  })
  return router
}

/**
 * What a server counts. Labels have names of outcomes and endpoints only: never an id, a key, an
 * app or an address, of which there are as many as clients like.
 *
 * @param redis - the bus on it, where there is one
 */
export function metricsOf(server: SignalServer, redis: Bus | undefined): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  outputMetrics(registry)
  const registers = [registry]

  new Gauge({
    name: 'signal_build_info',
    help: 'The version that runs; always 1.',
    labelNames: ['version'],
    aggregator: 'first',
    registers,
  }).set({ version }, 1)
  gauge('signal_sockets', 'Sockets that were upgraded and live.', (stats) => stats.sockets)
  gauge('signal_buffered_bytes', 'Bytes buffered in all.', (stats) => stats.bufferedBytes)
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
      gauge(metric, help, (stats) => stats.endpoints[endpoint]?.[name] ?? 0)
    }
  }
  new Counter({
    name: 'signal_outcomes_total',
    help: 'What happened to clients, by the name that stats and logs use.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset()
      for (const [outcome, times] of Object.entries(server.stats().outcomes)) {
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
        this.set(read(server.stats()))
      },
    })
  }

  function counter(name: string, help: string, read: (stats: Stats) => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(server.stats()))
      },
    })
  }

  function histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers })
  }
}

/** Names in metrics have small letters and underscores only. */
const snakeCase = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/\W/g, '_')
