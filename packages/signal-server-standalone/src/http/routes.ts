import { Router } from 'express'
import { appTokens, type SignalServer, type Tokens } from 'signal-server'
import { videoCallPage } from 'signal-video-call'
import type { Logs } from '../logs.js'
import type { Settings } from '../settings.js'
import { files } from './files.js'
import { metricsRouter } from './metrics-router.js'
import { statusRouter } from './status-page.js'
import type { Traffic } from './traffic.js'

/** Where the figures come from that a server shows. */
export interface Figures {
  /** What goes through, once a second. */
  traffic: Traffic
  /** All metrics, in the text format of Prometheus. */
  metrics: () => Promise<string>
}

/** What is there beside what every server has. */
export function routes(
  settings: Settings,
  server: SignalServer,
  tokens: Tokens | undefined,
  logs: Logs,
  { traffic, metrics }: Figures,
): Router {
  const { trustProxy = false } = settings.server
  const password = settings.tokens?.password
  const router = Router()
  if (!settings.proxiesKnown) router.use(logs.unknownProxies)
  if (settings.metrics) router.use(metricsRouter(metrics))
  if (settings.files !== undefined) router.use(files(settings.files))
  if (settings.statusPage) router.use(statusRouter(server, traffic))
  if (settings.demo) router.use('/demo', videoCallPage())
  if (tokens && password !== undefined) {
    router.use(appTokens({ tokens, password, trustProxy, events: server }))
  }
  return router
}
