import { VarintReader, varintSize, writeVarint } from './varint.js'
import { Violation } from './violation.js'

/** What a frame is. All kinds but the last are numbered: they arrive once, and in order. */
export const Kind = {
  /** The last fragment of a binary message. */
  binary: 0,
  /** The last fragment of a text. */
  text: 1,
  /** A fragment that others follow. */
  fragment: 2,
  /** Opens a channel; the payload is its key. */
  open: 3,
  /** Ends a channel, or on channel 0 the link; the payload is a code (2 bytes) and a reason. */
  close: 4,
  /** Answers an `open` or a `close` for which this end has no channel. */
  refuse: 5,
  /** JSON about the link itself, on channel 0. */
  control: 6,
  /** About the transport on which it comes; its payload begins with a {@link Notice}. */
  notice: 7,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What a frame that is not numbered says. */
export const Notice = {
  /** The number of the next numbered frame on this transport. */
  from: 0,
  /** The next number that is expected, then pairs of a channel and the total granted on it. */
  ack: 1,
  ping: 2,
  pong: 3,
} as const

/** The largest payload, on every transport: a frame may be sent again on another one. */
export const MAX_PAYLOAD = 16_352

/** A frame without its number. */
export interface Frame {
  readonly channel: number
  readonly kind: Kind
  readonly payload: Uint8Array
}

/** How many bytes a frame takes in a record. */
export const frameSize = ({ channel, kind, payload }: Frame): number =>
  varintSize(channel) + varintSize(payload.length * 8 + kind) + payload.length

/** Writes a frame into a record. @returns the position after it */
export function writeFrame(record: Uint8Array, at: number, frame: Frame): number {
  const { channel, kind, payload } = frame
  const begin = writeVarint(record, writeVarint(record, at, channel), payload.length * 8 + kind)
  record.set(payload, begin)
  return begin + payload.length
}

/** Puts varints into the payload of a notice. */
export function notice(...values: readonly number[]): Frame {
  const payload = new Uint8Array(values.reduce((size, value) => size + varintSize(value), 0))
  let at = 0
  for (const value of values) at = writeVarint(payload, at, value)
  return { channel: 0, kind: Kind.notice, payload }
}

/**
 * The frames of a record, in order. The payloads are views into it.
 * @throws Violation at a malformed frame
 */
export function* framesOf(record: Uint8Array): Generator<Frame> {
  const reader = new VarintReader(record)
  while (!reader.ended) {
    const channel = reader.next()
    const head = reader.next()
    const kind = (head % 8) as Kind
    const end = reader.at + Math.floor(head / 8)
    if (end - reader.at > MAX_PAYLOAD) throw new Violation('a payload that is too large')
    if (end > record.length) throw new Violation('a frame that is cut off')
    const payload = record.subarray(reader.at, end)
    reader.at = end
    yield { channel, kind, payload }
  }
}
