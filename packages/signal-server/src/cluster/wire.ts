import type { Json } from 'signal-server-protocol'

/** A peer as other instances know it, on one key. */
export interface PeerNotice {
  id: string
  /** When the newest of its sessions with the key that can read a Signal came, if one can. */
  reads?: number
  /** When the newest of its sessions that joined the key came, on the instances' clock. */
  since: number
  /** What that session has announced. */
  info?: Json
  /** When it announced that, on the instances' clock. */
  announced?: number
  /** What that session offered for the link protocol. */
  link?: string | undefined
}

/** A peer of an endpoint that has its peers on several instances. */
export interface PresentPeer {
  readonly id: string
  /** When it took its id, on the instances' clock: of two that have it the older one keeps it. */
  readonly since: number
  /** What is known of it beside its id. */
  readonly info?: Json
}

/** A connection that waits, as other instances know it. */
export interface HoldNotice {
  app: string
  localId: string
  remoteId: string
  key: string
  /** Random; the lower of two leads. */
  nonce: string
  /** When it came, on the instances' clock. */
  time: number
  /** It has a partner already, and is told of only because the newest in a place wins. */
  piped: boolean
}

/**
 * What instances tell each other, by `t`:
 * - to all instances: `alive`, `bye`, `anew`, `told`, `who`, `present`, `absent`, `ask`, `news`;
 * - on the topic of a key: `join`, `renew`, `state`, `leave`, `again`;
 * - on the topic of a pair: `hold`;
 * - to one instance: the others, and also `alive`, `told`, `present`, `news` and `hold`.
 *
 * Unknown types and fields are ignored, so that versions may differ.
 */
export type BusMessage =
  /** With the endpoints that answer a question (`ask`). */
  | { t: 'alive'; answers?: string[] }
  | { t: 'bye' }
  /** To itself: what was sent before has gone through the bus. */
  | { t: 'echo'; n: number }
  /** All that it has follows; what it does not tell again is gone. */
  | { t: 'anew' }
  /** That was all; whoever heard all of it answers the same, once it has answered the rest. */
  | { t: 'told'; answer?: boolean; round?: number }
  /** With `more`, other keys of the same Join may follow; the same holds for `here` and `leave`. */
  | { t: 'join'; app: string; key: string; peer: PeerNotice; more?: boolean }
  | HereMessage
  /**
   * The newest session that a peer has here on a key is an older one now. It is introduced if it has
   * the key's introductions by that, and answered as if it had joined the key.
   */
  | { t: 'renew'; app: string; key: string; peer: PeerNotice; more?: boolean }
  /** The same without an answer. */
  | { t: 'state'; app: string; key: string; peer: PeerNotice; more?: boolean }
  | { t: 'leave'; app: string; key: string; id: string; more?: boolean }
  /** Asks whether that was all; the answer comes behind all that was begun. */
  | { t: 'rest'; answer?: boolean }
  | UpdateMessage
  | { t: 'again'; app: string; key: string; to: string; about: string }
  | { t: 'signal'; app: string; from: string; to: string; key: string; signal: Json }
  /** Whoever has peers of an endpoint tells of them. */
  | { t: 'who'; endpoint: string }
  /** These are there, or have new info. */
  | { t: 'present'; endpoint: string; app: string; peers: PresentPeer[] }
  | { t: 'absent'; endpoint: string; app: string; id: string }
  /** A client wants the id of a peer there: answered when that has shown life, or is gone. */
  | { t: 'prove'; endpoint: string; app: string; id: string }
  | { t: 'proved'; endpoint: string; app: string; id: string }
  | { t: 'relay'; endpoint: string; app: string; to: string; message: Json }
  /** A question of an endpoint to every instance that answers it. */
  | { t: 'ask'; endpoint: string; n: number; question: Json }
  | { t: 'answer'; endpoint: string; n: number; answer: Json }
  /** News of an endpoint, to all instances or to one. */
  | { t: 'news'; endpoint: string; news: Json }
  | { t: 'hold'; hold: HoldNotice; answer?: boolean }
  | { t: 'propose'; mine: string; yours: string }
  /** With the hello of the client there, if it offered one for the link protocol. */
  | { t: 'accept'; mine: string; yours: string; link?: string }
  /** With the hello of the client of the leader if both offered one: then both get that of the other. */
  | { t: 'commit'; mine: string; yours: string; link?: string }
  | { t: 'abort'; mine: string; yours: string }
  | DataMessage
  /** The payload in latin1: one character a byte. */
  | { t: 'close'; pipe: string; n: number; acked: number; payload: string }
  | { t: 'ack'; pipe: string; acked: number }
  | { t: 'end'; pipe: string; code: number }
  /** Of pipes on which nothing else is said. */
  | { t: 'probe'; pipes: Probe[] }
  | { t: 'gone'; pipe: string }

/** What one side says of a pipe: numbered messages sent, and bytes read, in all. */
export type Probe = [pipe: string, n: number, acked: number]

/** The peers here that want a key, for a remote peer that has joined it. */
interface HereMessage {
  t: 'here'
  app: string
  to: string
  key: string
  peers: PeerNotice[]
  more?: boolean
  /** When that was announced which is known here of the session that has asked. */
  knows?: number
}

/** The newest session that a peer has here on these keys has announced something. */
interface UpdateMessage {
  t: 'update'
  app: string
  id: string
  keys: string[]
  info: Json
  announced: number
}

/** Bytes of a pipe, the only message that is not JSON. */
interface DataMessage {
  t: 'data'
  pipe: string
  /** Counts what must arrive in order: data and closes. */
  n: number
  /** How many bytes that came the other way have been read by their client, in all. */
  acked: number
  /** Whether the bytes end between two frames. */
  boundary: boolean
  /** Whether the sender waits for the acknowledgement. */
  ask: boolean
  bytes: Buffer
}

/** A message with the instance that it comes from, and that one's clock. */
export type Signed<M extends BusMessage = BusMessage> = M & { instance: string; time?: number }

const jsonStart = '{'.charCodeAt(0)
/** Of a DataMessage in its first version; others would have another first byte. */
const dataStart = 1
const headerBytes = 20
/** Of microseconds since 1970, until the year 2286. */
const timeDigits = 16
const flags = { boundary: 1, ask: 2 }

/** A message as it travels. */
export function encode(message: Signed): Buffer {
  if (message.t !== 'data') return Buffer.from(JSON.stringify(message))
  const { instance, pipe, n, acked, boundary, ask, bytes } = message
  const start = headerBytes + instance.length + pipe.length
  const encoded = Buffer.allocUnsafe(start + bytes.length)
  encoded[0] = dataStart
  encoded[1] = (boundary ? flags.boundary : 0) | (ask ? flags.ask : 0)
  encoded[2] = instance.length
  encoded[3] = pipe.length
  encoded.writeDoubleBE(n, 4)
  encoded.writeDoubleBE(acked, 12)
  encoded.write(instance, headerBytes, 'latin1')
  encoded.write(pipe, headerBytes + instance.length, 'latin1')
  bytes.copy(encoded, start)
  return encoded
}

/**
 * Tells messages of an instance, as {@link encode} writes them, by their last bytes: most of what comes
 * back to an instance need not be read.
 * @returns whether it is one for certain; of some it cannot tell
 */
export function messagesOf(instance: string): (encoded: Buffer) => boolean {
  const mark = Buffer.from(`,"instance":"${instance}","time":`)
  return (encoded) => {
    // only what ends the message is of its sender; what is before may be of a client
    const start = encoded.length - mark.length - timeDigits - 1
    if (encoded[0] !== jsonStart || start < 0) return false
    return mark.compare(encoded, start, start + mark.length) === 0
  }
}

/** The message in these bytes; undefined where there is none that this version knows. */
export function decode(encoded: Buffer): Signed | undefined {
  try {
    if (encoded[0] === dataStart) return decodeData(encoded)
    if (encoded[0] !== jsonStart) return undefined
    const value = JSON.parse(encoded.toString()) as Partial<Signed>
    const { t, instance } = value
    return typeof t === 'string' && typeof instance === 'string' ? (value as Signed) : undefined
  } catch {
    return undefined
  }
}

function decodeData(encoded: Buffer): Signed {
  const pipeAt = headerBytes + encoded[2]!
  const start = pipeAt + encoded[3]!
  return {
    t: 'data',
    instance: encoded.toString('latin1', headerBytes, pipeAt),
    pipe: encoded.toString('latin1', pipeAt, start),
    n: encoded.readDoubleBE(4),
    acked: encoded.readDoubleBE(12),
    boundary: (encoded[1]! & flags.boundary) !== 0,
    ask: (encoded[1]! & flags.ask) !== 0,
    bytes: encoded.subarray(start),
  }
}
