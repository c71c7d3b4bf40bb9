import { deserialize } from 'node:v8'
import express from 'express'
import type { Stats, Worker } from 'signal-server'
import { metricsOf } from '../http/metrics.js'
import { routes } from '../http/routes.js'
import { Traffic } from '../http/traffic.js'
import { Logs } from '../logs.js'
import { readTls, redisFrom, serverFrom } from '../server-from.js'
import type { Settings } from '../settings.js'
import { Questions, answerQuestions } from './questions.js'
import { settingsOfWorker } from './settings-of-worker.js'
import { SharedTokens } from './shared-tokens.js'
import { topics, type Report, type Start } from './topics.js'

// how long the primary may take to answer
const patience = 5_000

/** Serves as one of several processes on one port, until the primary says that it is time to end. */
export async function serveAsWorker(settings: Settings, worker: Worker): Promise<never> {
  try {
    await work(settings, worker)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`worker ${worker.number}: ${(error as Error).stack}\n`)
    // what it listens to would keep it alive
    process.exit(1)
  }
}

async function work(told: Settings, worker: Worker): Promise<void> {
  const { bus, number } = worker
  // the main process was killed, or a second signal ended it at once: the workers end at once, too
  process.once('disconnect', () => process.exit(1))
  // one in a terminal goes to every process; when to end is the primary's business
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  const settings = settingsOfWorker(told)
  const questions = new Questions(bus)
  const [start] = await questions.ask<null, Start>(topics.start, null, 1, patience)
  if (!start) throw new Error('The process that started this one does not answer.')
  const logs = new Logs(settings.logFormat, {
    salt: start.salt,
    worker: number,
    level: settings.logLevel,
  })
  const tokens =
    settings.tokens &&
    new SharedTokens(
      { ...settings.tokens, revoked: [...(settings.tokens.revoked ?? []), ...start.revoked] },
      bus,
    )
  // with a Redis every worker is an instance on it, as those of other machines are
  const redis = redisFrom(settings)
  const server = serverFrom(settings, tokens, redis ?? bus)
  logs.follow(server)

  const traffic = new Traffic()
  const registry = metricsOf(server, redis, settings.statusPage ? traffic : undefined)
  await answerQuestions<boolean, Report>(bus, topics.report, logs.fault, async (metrics) => ({
    number,
    pid: process.pid,
    stats: server.stats(),
    ...(metrics && { metrics: await registry.getMetricsAsJSON() }),
  }))
  await bus.subscribe(topics.stats, (message) => traffic.look(deserialize(message) as Stats))
  const own = routes(settings, server, tokens, logs, {
    traffic,
    metrics: async () => {
      const [text] = await questions.ask<null, string>(topics.metrics, null, 1, patience)
      return text ?? registry.metrics()
    },
  })

  const { path, host } = settings
  const tls = readTls(settings)
  const app = express().use(path, own)
  await server.listen({
    worker,
    path,
    app,
    ...(host !== undefined && { host }),
    ...(tls && { tls }),
  })
  if (redis) logs.followRedis(redis)
  await worker.stopped
  await server.drain()
  await server.close()
}
