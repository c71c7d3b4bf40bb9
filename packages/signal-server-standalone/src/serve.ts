import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import express, { Router } from 'express'
import { Redis } from 'ioredis'
import { RedisBus } from 'signal-redis'
import { appTokens, expiringIceServers, SignalServer, Tokens } from 'signal-server'
import { videoCallPage } from 'signal-video-call'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'
import { banner } from './banner.js'
import { metricsRouter } from './http/metrics.js'
import { statusRouter } from './http/status-page.js'
import { Traffic } from './http/traffic.js'
import { Logs } from './logs.js'
import { SettingError } from './setting-kinds.js'
import { settingName, type Settings } from './settings.js'

/**
 * Starts a server, and ends it with the process's first SIGTERM or SIGINT.
 * @throws SettingError where a setting is wrong; Error where it cannot listen
 */
export async function serve(settings: Settings): Promise<void> {
  const tls = settings.tls && readTls(settings.tls)
  const bus = settings.redisUrl === undefined ? undefined : new RedisBus(settings.redisUrl)
  try {
    await listen(settings, tls, bus)
  } catch (error) {
    // it would keep the process alive
    bus?.close()
    throw error
  }
}

async function listen(
  settings: Settings,
  tls: { key: Buffer; cert: Buffer } | undefined,
  bus: RedisBus | undefined,
): Promise<void> {
  const logs = new Logs(settings.logFormat)
  const tokens = settings.tokens && new Tokens(settings.tokens)
  const server = serverFrom(settings, tokens, bus)
  useProtocols(server, settings, tokens)
  logs.follow(server)

  const { port, host, path } = settings
  const app = express().use(path, routes(settings, server, tokens, logs))
  const { url, port: actual } = await server.listen({
    port,
    path,
    app,
    ...(host !== undefined && { host }),
    ...(tls && { tls }),
  })
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined
  logs.listening(url, () => banner({ ...settings, port: actual }, url, columns))
  endWithSignal(server, logs)
}

function serverFrom(
  { server, ice }: Settings,
  tokens: Tokens | undefined,
  bus: RedisBus | undefined,
): SignalServer {
  const some = ice.stunUrls.length + ice.turnUrls.length > 0
  try {
    return new SignalServer({
      ...server,
      ...(bus && { bus }),
      ...(tokens && { authorize: tokens.authorize }),
      ...(some && { iceServers: expiringIceServers(ice) }),
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const named = error.message.replace(/(?:Option )?"(\w+)"/g, (_, name: string) =>
      settingName(name),
    )
    throw new SettingError(named, { cause: error })
  }
}

/** The WebRTC signalling protocols; that of relay-ws last, for it may take every path. */
function useProtocols(
  server: SignalServer,
  { webrtc, redisUrl }: Settings,
  tokens: Tokens | undefined,
): void {
  const { tokenLifetime } = webrtc
  if (webrtc.rtc) server.use(rtc())
  if (webrtc.call) server.use(call())
  if (webrtc.rooms && tokens) {
    const redis = redisUrl === undefined ? undefined : new Redis(redisUrl, { lazyConnect: true })
    server.use(rooms({ tokens, tokenLifetime, ...(redis && { redis }) }))
  }
  if (webrtc.relayWs !== false) server.use(relayWs({ path: webrtc.relayWs }))
}

/** What is there beside what every server has. */
function routes(
  {
    proxiesKnown,
    metrics,
    statusPage,
    demo,
    tokens: tokenSettings,
    server: { trustProxy = false },
  }: Settings,
  server: SignalServer,
  tokens: Tokens | undefined,
  logs: Logs,
): Router {
  const router = Router()
  if (!proxiesKnown) router.use(logs.unknownProxies)
  if (metrics) router.use(metricsRouter(server))
  if (statusPage) router.use(statusRouter(server, new Traffic(() => server.stats())))
  if (demo) router.use('/demo', videoCallPage())
  if (tokens && tokenSettings?.password !== undefined) {
    router.use(appTokens({ tokens, password: tokenSettings.password, trustProxy }))
  }
  return router
}

function readTls(files: { key: string; cert: string }): { key: Buffer; cert: Buffer } {
  const [key, cert] = [readNamed('KEY', files.key), readNamed('CERT', files.cert)]
  try {
    createSecureContext({ key, cert })
  } catch (error) {
    throw new SettingError(
      `KEY and CERT must be a key and its certificate, as PEM files: ${(error as Error).message}.`,
      { cause: error },
    )
  }
  return { key, cert }
}

function readNamed(name: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is none' : `it cannot be read (${code})`
    throw new SettingError(`${name} must be a file, and at ${JSON.stringify(file)} ${why}.`, {
      cause: error,
    })
  }
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** The first signal lets pipes end by themselves; a second one ends at once. */
function endWithSignal(server: SignalServer, logs: Logs): void {
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  let ending = false
  const end = async (signal: keyof typeof exitCodes) => {
    if (ending) process.exit(exitCodes[signal])
    ending = true
    logs.draining(signal, server.stats())
    await server.drain()
    await server.close()
    process.exit(0)
  }
  for (const signal of signals) process.on(signal, () => void end(signal))
}
