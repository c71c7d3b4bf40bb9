import { Packr } from 'msgpackr'
import { SUBPROTOCOL } from 'signal-server-protocol'
import { Failure } from './failure.js'
import { binary, text, type Message } from './socket.js'

/** The names of the dialects of `/introduction`. */
export type DialectName = 'v0' | 'v3' | 'v4' | 'signal.v1'

/** An introduction, whatever the dialect. */
export interface Introduced {
  id: string
  keys: string[]
  /** Whether it says that it is a re-introduction (§7.10), which only `signal.v1` does. */
  again?: true
}

/** How a client of one generation speaks. */
export interface Dialect {
  readonly name: DialectName
  /** The subprotocols that it offers. */
  readonly protocols: readonly string[]
  join(keys: readonly unknown[]): Message
  leave(keys: readonly unknown[]): Message
  /** The heartbeats that its clients send. */
  readonly heartbeats: readonly Message[]
  /**
   * The introduction in a message.
   * @returns undefined where it is another message that the dialect knows
   * @throws Failure where clients of this generation would break on it
   */
  introduction(message: Message): Introduced | undefined
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true })

/** MessagePack without extensions, in a binary message. */
export const packed = (value: unknown): Message => binary(packr.pack(value))

const json = (value: unknown): Message => text(JSON.stringify(value))

function fieldsOf(message: Message, isBinary: boolean): Record<string, unknown> {
  if (message.binary !== isBinary) throw new Failure(`a ${message.binary ? 'binary' : 'text'} one`)
  const { data } = message
  // a map of 4, 16 or 32 bits, and none of the extensions that other decoders do not know
  const first = data[0] ?? 0
  if (isBinary && (first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) {
    throw new Failure('not a MessagePack map')
  }
  return (isBinary ? packr.unpack(data) : JSON.parse(data.toString())) as Record<string, unknown>
}

/** Older clients know introductions and nothing else. */
function oldIntroduction(idField: string, keysField: string, isBinary = false) {
  return (message: Message): Introduced => {
    let fields: Record<string, unknown>
    try {
      fields = fieldsOf(message, isBinary)
    } catch (error) {
      throw new Failure(`an older client would break on this message: ${(error as Error).message}`)
    }
    const { type, [idField]: id, [keysField]: keys } = fields
    if (type !== 'Introduction' || typeof id !== 'string' || !isStrings(keys)) {
      throw new Failure(`an older client would break on ${JSON.stringify(fields)}`)
    }
    return { id, keys }
  }
}

const v0: Dialect = {
  name: 'v0',
  protocols: [],
  join: (keys) => json({ type: 'Join', join: keys }),
  leave: (keys) => json({ type: 'Leave', leave: keys }),
  heartbeats: [],
  introduction: oldIntroduction('id', 'keys'),
}

const v3: Dialect = {
  name: 'v3',
  protocols: [],
  join: (keys) => json({ type: 'Join', documentIds: keys }),
  leave: (keys) => json({ type: 'Leave', documentIds: keys }),
  heartbeats: [json({ type: 'Heartbeat' })],
  introduction: oldIntroduction('userName', 'documentIds'),
}

const v4: Dialect = {
  name: 'v4',
  protocols: [],
  join: (keys) => packed({ type: 'Join', documentIds: keys }),
  leave: (keys) => packed({ type: 'Leave', documentIds: keys }),
  heartbeats: [packed({ type: 'Heartbeat' }), packed({ type: '❤️' })],
  introduction: oldIntroduction('peerId', 'documentIds', true),
}

const v1: Dialect = {
  name: SUBPROTOCOL,
  protocols: [SUBPROTOCOL],
  join: (keys) => json({ type: 'Join', join: keys }),
  leave: (keys) => json({ type: 'Leave', leave: keys }),
  heartbeats: [],
  introduction(message) {
    const { type, id, keys, again } = fieldsOf(message, false)
    if (type !== 'Introduction') return undefined
    if (typeof id === 'string' && isStrings(keys)) {
      return { id, keys, ...(again === true && { again }) }
    }
    throw new Failure(`not an Introduction: ${message.data.toString()}`)
  },
}

/** Every dialect, by its name. */
export const dialects: Readonly<Record<DialectName, Dialect>> = { v0, v3, v4, [SUBPROTOCOL]: v1 }

/** The dialects of older generations. */
export const OLDER = ['v0', 'v3', 'v4'] as const
/** All of them. */
export const ALL = [...OLDER, SUBPROTOCOL] as const

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
