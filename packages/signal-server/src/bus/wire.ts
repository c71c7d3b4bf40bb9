import { Packr } from 'msgpackr'
import type { Json } from 'signal-protocol'

/** A peer as other instances know it. */
export interface PeerNotice {
  id: string
  /** Whether it understands more than Introductions. */
  v1: boolean
  info?: Json
}

/** A connection that waits, as other instances know it. */
export interface HoldNotice {
  app: string
  localId: string
  remoteId: string
  key: string
  /** Random; the lower of two leads. */
  nonce: string
  /** When it came, in milliseconds since 1970. */
  time: number
  /** It has a partner already, and is told of only because the newest in a place wins. */
  piped: boolean
}

/**
 * What instances tell each other, by `t`. To all instances: `alive`, `bye`. On a key's topic:
 * `join`, `leave`, `again`. On a pair's topic: `hold`. To one instance: the others (and
 * `hold`). Unknown types and fields are ignored, so that versions may differ.
 */
export type BusMessage =
  | { t: 'alive' }
  | { t: 'bye' }
  | { t: 'join'; app: string; key: string; peer: PeerNotice }
  | { t: 'here'; app: string; to: string; key: string; peers: PeerNotice[] }
  | { t: 'leave'; app: string; key: string; id: string }
  | { t: 'update'; app: string; keys: string[]; id: string; info: Json }
  | { t: 'again'; app: string; key: string; to: string; about: string }
  | { t: 'signal'; app: string; from: string; to: string; signal: Json }
  | { t: 'hold'; hold: HoldNotice; answer?: boolean }
  | { t: 'propose'; mine: string; yours: string }
  | { t: 'accept'; mine: string; yours: string }
  | { t: 'commit'; mine: string; yours: string }
  | { t: 'abort'; mine: string; yours: string }
  | { t: 'data'; pipe: string; n: number; bytes: Uint8Array; boundary: boolean }
  | { t: 'close'; pipe: string; n: number; payload: Uint8Array }
  | { t: 'ack'; pipe: string; bytes: number }
  | { t: 'end'; pipe: string; code: number }
  | { t: 'probe'; pipe: string; n: number }
  | { t: 'gone'; pipe: string }

/** A message with the instance that it comes from. */
export type Signed<M extends BusMessage = BusMessage> = M & { instance: string }

// maps with plain keys, which every version and every language reads
const packr = new Packr({ useRecords: false, mapsAsObjects: true })

/** A message as it travels. */
export const encode = (message: Signed): Buffer => packr.pack(message)

/** The message in these bytes; undefined where there is none. */
export function decode(bytes: Buffer): Signed | undefined {
  try {
    const value: unknown = packr.unpack(bytes)
    if (typeof value !== 'object' || value === null) return undefined
    const { t, instance } = value as Partial<Signed>
    return typeof t === 'string' && typeof instance === 'string' ? (value as Signed) : undefined
  } catch {
    return undefined
  }
}
