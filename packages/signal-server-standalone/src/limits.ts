import { defaults, type Settings } from 'signal-server'
import type { Setting } from './setting.js'
import { number } from './setting-kinds.js'

/** Whatever the library counts and times. */
export type Limit = {
  [K in keyof Settings]-?: Settings[K] extends number ? K : never
}[keyof Settings]

/**
 * Sockets from one address, unless MAX_SOCKETS_PER_ADDRESS says how many: an eighth, so that seven
 * addresses leave room for others, and no more than 4,096 on a machine that has many.
 */
export const socketsPerAddress = (maxSockets: number): number =>
  Math.min(4_096, Math.ceil(maxSockets / 8))

/** The standalone server knows that it is on the open internet, the library does not. */
const ownDefaults: Partial<Record<Limit, number>> = {
  maxSocketsPerAddress: socketsPerAddress(defaults.maxSockets),
  maxUpgradesPerSecond: 200,
}

const aboutLimits: Record<Limit, string> = {
  maxSockets: 'Sockets in all',
  maxSocketsPerAddress:
    'Sockets from one address, where it is the client’s own (an eighth of all, at most 4096)',
  maxUpgradesPerSecond: 'Upgrades a second from one address, where it is the client’s own',
  headersTimeout: 'Milliseconds for the headers of a request',
  authorizeTimeout: 'Milliseconds for the authorisation of a request',
  maxKeyBytes: 'Bytes of an id or key',
  maxMessageBytes: 'Bytes of a message on /introduction',
  maxKeysPerPeer: 'Keys of one session',
  maxPeersPerKey: 'Peers of one key',
  maxRegistrations: 'Keys of all sessions together',
  maxInfoBytes: 'Bytes of the info that a peer announces',
  keysPerSecond: 'Keys joined or left a second, in one session',
  keysBurst: 'Keys joined or left at once, before the rate counts',
  messagesPerSecond: 'Other messages a second, on one socket',
  messagesBurst: 'Other messages at once, before the rate counts',
  slowedTimeout: 'Milliseconds that a client may be slowed without pause, before it is closed',
  maxBadMessages: 'Bad messages of one session',
  maxQueuedBytes: 'Bytes of introductions that wait for one session',
  maxHeldBytes: 'Bytes that a waiting connection may send ahead',
  holdTimeout: 'Milliseconds that a connection waits for its reciprocal one',
  stallTimeout: 'Milliseconds that a reader may read nothing of what waits for it',
  maxPipeBytes: 'Bytes that wait in one direction of a pipe before its sender is paused',
  maxBufferedBytes: 'Bytes buffered in all',
  maxPipeBytesPerSecond: 'Bytes a second through one pipe',
  maxPipeTime: 'Milliseconds that a pipe may live',
  pingInterval: 'Milliseconds of silence after which a socket is pinged',
  pongTimeout: 'Milliseconds in which a pinged socket must show life',
  drainTimeout: 'Milliseconds that pipes may go on after SIGTERM',
  closeTimeout: 'Milliseconds that a closed socket has to answer with its own close frame',
}

/** Every limit of the library, as a setting. */
export const limits = Object.fromEntries(
  (Object.keys(aboutLimits) as Limit[]).map((name) => {
    const value = ownDefaults[name] ?? defaults[name]
    return [
      name,
      {
        env: name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
        about: aboutLimits[name],
        fallback: value === Infinity ? 'none' : String(value),
        kind: number,
      },
    ]
  }),
) as Record<Limit, Setting<number> & { fallback: string }>
