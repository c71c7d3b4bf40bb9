import express from 'express'
import { Tokens, Worker, type Bus } from 'signal-server'
import { banner } from './banner.js'
import { endWithSignal } from './end-with-signal.js'
import { metricsOf } from './http/metrics.js'
import { routes } from './http/routes.js'
import { Traffic } from './http/traffic.js'
import { standardOutputs } from './line-output.js'
import { Logs } from './logs.js'
import { readTls, redisFrom, serverFrom } from './server-from.js'
import type { Settings } from './settings.js'
import { serveAsPrimary } from './workers/primary.js'
import { serveAsWorker } from './workers/worker.js'

/**
 * Starts a server, and ends it with the process's first SIGTERM or SIGINT.
 * @throws SettingError where a setting is wrong; Error where it cannot listen
 */
export async function serve(settings: Settings): Promise<void> {
  // what reads the output may go at any time
  standardOutputs()
  const worker = Worker.current()
  if (worker) return serveAsWorker(settings, worker)
  if (settings.workers > 1) return serveAsPrimary(settings)
  const bus = redisFrom(settings)
  try {
    await serveAlone(settings, bus)
  } catch (error) {
    // it would keep the process alive
    bus?.close()
    throw error
  }
}

async function serveAlone(settings: Settings, bus: Bus | undefined): Promise<void> {
  const tls = readTls(settings)
  const logs = new Logs(settings.logFormat, { level: settings.logLevel })
  const tokens = settings.tokens && new Tokens(settings.tokens)
  const server = serverFrom(settings, tokens, bus)
  logs.follow(server)
  const traffic = new Traffic()
  const registry = metricsOf(server, bus, settings.statusPage ? traffic : undefined)
  traffic.look(server.stats())
  setInterval(() => traffic.look(server.stats()), 1_000).unref()
  const own = routes(settings, server, tokens, logs, {
    traffic,
    metrics: () => registry.metrics(),
  })

  const { port, socket, host, path } = settings
  const { url, port: actual } = await server.listen({
    ...(socket === undefined ? { port } : { socket }),
    path,
    app: express().use(path, own),
    ...(host !== undefined && { host }),
    ...(tls && { tls }),
  })
  endWithSignal(async (signal) => {
    logs.draining(signal, server.stats())
    await server.drain()
    await server.close()
    logs.closed()
  })
  // whoever reads this may send a signal at once
  logs.listening(url, (columns) => banner({ ...settings, port: actual }, url, columns))
  if (bus) logs.followRedis(bus)
}
