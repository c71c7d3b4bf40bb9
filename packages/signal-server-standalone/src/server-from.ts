import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { RedisBus } from 'signal-redis'
import { expiringIceServers, SignalServer, type Bus, type Tokens } from 'signal-server'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'
import { SettingError } from './setting-kinds.js'
import { settingName, type Settings } from './settings.js'

/**
 * A server that is set as it was told, with its signalling protocols.
 * @param bus - joins it with others
 * @throws SettingError that names what is wrong
 */
export function serverFrom(
  settings: Settings,
  tokens: Tokens | undefined,
  bus: Bus | undefined,
): SignalServer {
  const { server: options, ice } = settings
  const some = ice.stunUrls.length + ice.turnUrls.length > 0
  try {
    const server = new SignalServer({
      ...options,
      ...(bus && { bus }),
      ...(tokens && { authorize: tokens.authorize }),
      ...(some && { iceServers: expiringIceServers(ice) }),
    })
    useProtocols(server, settings, tokens)
    return server
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const named = error.message.replace(/(?:Option )?"(\w+)"/g, (_, name: string) =>
      settingName(name),
    )
    throw new SettingError(named, { cause: error })
  }
}

/** The bus on the Redis that the settings name. */
export const redisFrom = ({ redisUrl }: Settings): RedisBus | undefined =>
  redisUrl === undefined ? undefined : new RedisBus(redisUrl)

/** The WebRTC signalling protocols; that of relay-ws last, for it may take every path. */
function useProtocols(
  server: SignalServer,
  { webrtc }: Settings,
  tokens: Tokens | undefined,
): void {
  const { tokenLifetime, rtcVersion: version } = webrtc
  if (webrtc.rtc !== false) {
    server.use(rtc({ path: webrtc.rtc, ...(version !== undefined && { version }) }))
  }
  if (webrtc.call !== false) server.use(call({ path: webrtc.call }))
  if (webrtc.rooms !== false && tokens) {
    server.use(rooms({ path: webrtc.rooms, tokens, tokenLifetime }))
  }
  if (webrtc.relayWs !== false) server.use(relayWs({ path: webrtc.relayWs }))
}

/** @throws SettingError where the files are not there, or are no key and certificate */
export function readTls({ tls }: Settings): { key: Buffer; cert: Buffer } | undefined {
  if (!tls) return undefined
  const [key, cert] = [readNamed('KEY', tls.key), readNamed('CERT', tls.cert)]
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
