import type { SignalServerOptions } from 'signal-server'
import type { CommandLine } from './command-line.js'
import { checkPaths } from './endpoint-paths.js'
import { limits, socketsPerAddress, type Limit } from './limits.js'
import type { Level } from './log-line.js'
import type { Setting } from './setting.js'
import { SettingError } from './setting-kinds.js'
import { socketOf } from './socket-activation.js'
import { checkNames } from './setting-names.js'
import { groups, ice, instances, listening, tokens, watching } from './settings-table.js'
import { webrtc } from './webrtc-settings.js'

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Everything that a standalone server is told. */
export interface Settings {
  port: number
  /** Instead of the port: the path of a Unix socket or a named pipe, or systemd's descriptor. */
  socket?: string | { fd: number }
  host?: string
  path: string
  /** Processes on the port. */
  workers: number
  /** Files. */
  tls?: { key: string; cert: string }
  tokens?: {
    secret: string
    password?: string
    apps?: readonly string[]
    revoked?: readonly string[]
  }
  redisUrl?: string
  ice: { stunUrls: readonly string[]; turnUrls: readonly string[]; turnSecret?: string }
  /** The WebRTC signalling protocols. */
  webrtc: {
    /** Paths; false if the protocol is off. */
    relayWs: string | false
    rtc: string | false
    rtcVersion?: string
    call: string | false
    rooms: string | false
    tokenLifetime: number
  }
  logFormat: 'text' | 'json'
  logLevel: Level
  statusPage: boolean
  /** A folder to serve at `/`. */
  files?: string
  /** Whether there is a page for video calls. */
  demo: boolean
  metrics: boolean
  /** Whether TRUST_PROXY was set, to whatever. */
  proxiesKnown: boolean
  /** For the library. */
  server: SignalServerOptions
}

/**
 * What the server is told: a flag beats a variable of the environment, which beats the default.
 * @throws SettingError that names what is wrong, and says what it may be
 */
export function settingsFrom({ values }: CommandLine, env: Environment): Settings {
  const names = Object.values(groups).flatMap((group) => Object.values(group).map((one) => one.env))
  checkNames(Object.keys(env), names)
  const read = <T>(setting: Setting<T>) => value(setting, values, env)
  const key = read(listening.key)
  const cert = read(listening.cert)
  together('KEY', key, 'CERT', cert)
  const turnUrls = read(ice.turnUrls)
  const turnSecret = read(ice.turnSecret)
  together('TURN_URLS', turnUrls, 'TURN_SECRET', turnSecret)
  const host = read(listening.host)
  const origins = read(listening.origins)
  const trustProxy = read(listening.trustProxy)
  const redisUrl = read(instances.redisUrl)
  const rtcVersion = read(webrtc.rtcVersion)
  const files = read(watching.files)
  const tokenSettings = tokensFrom(read)
  const workers = read(listening.workers)!
  const rooms = read(webrtc.rooms)!
  // a client of socket.io asks several times before it is connected, each time the same process
  if (workers > 1 && key !== undefined && tokenSettings && rooms !== false) {
    throw new SettingError(
      'ROOMS must be off where several workers (WEB_CONCURRENCY) have a KEY: let a proxy speak TLS.',
    )
  }

  const { relayWs, rtc, call } = webrtc
  checkPaths(new Map([relayWs, rtc, call, webrtc.rooms].map((one) => [one.env, read(one)!])))

  const place = read(listening.port)!
  const socket = socketOf(place, env)
  if (socket !== undefined) {
    const refused = [
      workers > 1 && 'WEB_CONCURRENCY must be 1',
      key !== undefined && 'KEY must not be set',
      // systemd's socket replaces both PORT and HOST
      typeof socket === 'string' && host !== undefined && 'HOST must not be set',
    ].find((sentence) => sentence !== false)
    if (refused !== undefined) {
      throw new SettingError(`${refused} if the server listens on a socket instead of a port.`)
    }
  }

  const limited = Object.fromEntries(
    (Object.keys(limits) as Limit[]).map((name) => [name, read(limits[name])!]),
  ) as Record<Limit, number>
  if (!isSet(limits.maxSocketsPerAddress, env)) {
    limited.maxSocketsPerAddress = socketsPerAddress(limited.maxSockets)
  }

  return {
    port: typeof place === 'number' ? place : 0,
    ...(socket !== undefined && { socket }),
    ...(host !== undefined && socket === undefined && { host }),
    path: read(listening.path)!,
    workers,
    ...(key !== undefined && cert !== undefined && { tls: { key, cert } }),
    ...(tokenSettings && { tokens: tokenSettings }),
    ...(redisUrl !== undefined && { redisUrl }),
    ice: {
      stunUrls: read(ice.stunUrls) ?? [],
      turnUrls: turnUrls ?? [],
      ...(turnSecret !== undefined && { turnSecret }),
    },
    webrtc: {
      relayWs: read(webrtc.relayWs)!,
      rtc: read(webrtc.rtc)!,
      ...(rtcVersion !== undefined && { rtcVersion }),
      call: read(webrtc.call)!,
      rooms,
      tokenLifetime: read(webrtc.tokenLifetime)!,
    },
    logFormat: read(watching.logFormat)!,
    logLevel: read(watching.logLevel)!,
    statusPage: read(watching.statusPage)!,
    ...(files !== undefined && { files }),
    demo: read(watching.demo)!,
    metrics: read(watching.metrics)!,
    proxiesKnown: isSet(listening.trustProxy, env),
    server: {
      ...(origins !== undefined && { origins }),
      trustProxy: trustProxy!,
      // a proxy on this machine, or in its private network, brings many clients from one address
      exemptLoopback: true,
      exemptUnknownProxies: !isSet(listening.trustProxy, env),
      ...limited,
    },
  }
}

/** The name by which users know an option of the library. */
export function settingName(option: string): string {
  const known: Record<string, Setting> = { ...limits, ...listening }
  return known[option]?.env ?? option
}

function tokensFrom(read: <T>(setting: Setting<T>) => T | undefined): Settings['tokens'] {
  const secret = read(tokens.secret)
  const password = read(tokens.password)
  const apps = read(tokens.apps)
  const revoked = read(tokens.revoked)
  if (secret === undefined) {
    const needy = { APP_PASS: password, APPS: apps, REVOKED_TOKENS: revoked }
    const [name] = Object.entries(needy).find(([, given]) => given !== undefined) ?? []
    if (name !== undefined) throw new SettingError(`${name} needs APP_SECRET, which is not set.`)
    return undefined
  }
  return {
    secret,
    ...(password !== undefined && { password }),
    ...(apps && { apps }),
    ...(revoked && { revoked }),
  }
}

// an empty variable is a forgotten one, but an empty secret must never pass for none at all
const mayBeEmpty = (setting: Setting) =>
  setting.env !== tokens.secret.env && setting.env !== tokens.password.env

function isSet(setting: Setting, env: Environment): boolean {
  const given = env[setting.env]
  return given !== undefined && !(given === '' && mayBeEmpty(setting))
}

function value<T>(
  setting: Setting<T>,
  flags: CommandLine['values'],
  env: Environment,
): T | undefined {
  const { flag, fallback, kind, env: name } = setting
  const onLine = flag === undefined ? undefined : flags[flag]
  if (onLine !== undefined) return parsed(kind, `--${flag}`, [onLine].flat().join(','))
  if (isSet(setting, env)) return parsed(kind, name, env[name]!)
  return fallback === undefined ? undefined : parsed(kind, name, fallback)
}

function parsed<T>(kind: Setting<T>['kind'], name: string, given: string): T {
  const found = kind.parse(given)
  if (found !== undefined) return found
  // a password may stand in a URL
  const secrets = [tokens.secret, tokens.password, instances.redisUrl].map(({ env }) => env)
  const shown = secrets.includes(name) ? '' : `, not "${given}"`
  throw new SettingError(`${name} must be ${kind.expected}${shown}.`)
}

function together(oneName: string, one: unknown, otherName: string, other: unknown): void {
  if ((one === undefined) === (other === undefined)) return
  const [there, missing] = one === undefined ? [otherName, oneName] : [oneName, otherName]
  throw new SettingError(`${there} needs ${missing}, which is not set.`)
}
