// Reads and writes hellos and records of the link protocol (PROTOCOL.md, 14.3 and 14.4).

export type Hello = {
  version: number
  flags: number
  session: string
  to: string
  life: string
  peerLife: string | undefined
  next: number
}
export type HelloFields = Pick<Hello, 'session' | 'to' | 'life' | 'peerLife' | 'next'>

export type NumberedKind = 'binary' | 'text' | 'fragment' | 'open' | 'close' | 'refuse' | 'control'
export type NumberedFrame = { channel: number; kind: NumberedKind; payload: string }
export type Frame =
  | NumberedFrame
  | { kind: 'from'; number: number }
  | { kind: 'ack'; next: number; totals: [number, number][] }
  | { kind: 'ping' }
  | { kind: 'pong' }
  | { kind: 'unknown' }

export const MAX_PAYLOAD = 16_352
export const MAX_RECORD = 65_536

const KINDS: NumberedKind[] = ['binary', 'text', 'fragment', 'open', 'close', 'refuse', 'control']
const NOTICE = 7
const HELLO_LENGTH = 48
const NO_LIFE = '00'.repeat(12)

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

// ---------------------------------------------------------------- hellos

export function decodeHello(text: string): Hello | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length < HELLO_LENGTH) return undefined
  const hex = (from: number, to: number): string => bytes.subarray(from, to).toString('hex')
  const life = hex(18, 30)
  const peerLife = hex(30, 42)
  if (bytes[0] === 0 || life === NO_LIFE) return undefined
  return {
    version: bytes[0]!,
    flags: bytes[1]!,
    session: hex(2, 10),
    to: hex(10, 18),
    life,
    peerLife: peerLife === NO_LIFE ? undefined : peerLife,
    next: bytes.readUIntBE(42, 6),
  }
}

export function encodeHello(hello: HelloFields): string {
  const { session, to, life, peerLife, next } = hello
  const bytes = Buffer.alloc(HELLO_LENGTH)
  bytes[0] = 1
  bytes.set(fromHex(session), 2)
  bytes.set(fromHex(to), 10)
  bytes.set(fromHex(life), 18)
  bytes.set(fromHex(peerLife ?? NO_LIFE), 30)
  bytes.writeUIntBE(next, 42, 6)
  return bytes.toString('base64url')
}

// ---------------------------------------------------------------- varints

class Reader {
  bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length
  }

  varint(): number {
    let value = 0
    let factor = 1
    for (let count = 1; ; count++, factor *= 128) {
      if (this.atEnd) throw new Error('a varint ends too early')
      if (count > 8) throw new Error('a varint is too large')
      const byte = this.bytes[this.at++]!
      value += (byte & 127) * factor
      if (byte >= 128) continue
      if (byte === 0 && count > 1) throw new Error('a varint is not in its shortest form')
      if (value > Number.MAX_SAFE_INTEGER) throw new Error('a varint is too large')
      return value
    }
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new Error('a payload ends too early')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`no varint: ${value}`)
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}

// ---------------------------------------------------------------- records

export function decodeRecord(bytes: Uint8Array): Frame[] {
  if (bytes.length > MAX_RECORD) throw new Error('the record is too large')
  const reader = new Reader(bytes)
  const frames: Frame[] = []
  while (!reader.atEnd) {
    const channel = reader.varint()
    const head = reader.varint()
    const length = Math.floor(head / 8)
    if (length > MAX_PAYLOAD) throw new Error('a payload is too large')
    const payload = reader.take(length)
    frames.push(
      head % 8 === NOTICE ? notice(channel, payload) : numbered(channel, KINDS[head % 8]!, payload),
    )
  }
  return frames
}

function numbered(channel: number, kind: NumberedKind, payload: Uint8Array): NumberedFrame {
  if (kind === 'control' && channel !== 0) throw new Error('control on a channel')
  if (kind !== 'control' && kind !== 'close' && channel === 0)
    throw new Error(`${kind} on channel 0`)
  if (kind === 'open' && payload.length === 0) throw new Error('an open without a key')
  if (kind === 'open') checkText(payload)
  if (kind === 'close' && payload.length < 2) throw new Error('a close without a code')
  if (kind === 'close') checkText(payload.subarray(2))
  if (kind === 'refuse' && payload.length > 0) throw new Error('a refuse with a payload')
  return { channel, kind, payload: toHex(payload) }
}

// Throws where the bytes are no UTF-8.
function checkText(bytes: Uint8Array): void {
  new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

function notice(channel: number, payload: Uint8Array): Frame {
  if (channel !== 0) throw new Error('a notice on a channel')
  const reader = new Reader(payload)
  const which = reader.varint()
  if (which === 0) return { kind: 'from', number: reader.varint() }
  if (which === 1) {
    const next = reader.varint()
    const totals: [number, number][] = []
    while (!reader.atEnd) totals.push([reader.varint(), reader.varint()])
    return { kind: 'ack', next, totals }
  }
  if (which === 2) return { kind: 'ping' }
  if (which === 3) return { kind: 'pong' }
  return { kind: 'unknown' }
}

// One frame as bytes. A minimal end needs this to see how many frames fit into a record.
export function encodeFrame(frame: Frame): Uint8Array {
  if (frame.kind === 'unknown') throw new Error('what is unknown cannot be written')
  if (frame.kind === 'from') return noticeBytes([0, frame.number])
  if (frame.kind === 'ack') return noticeBytes([1, frame.next, ...frame.totals.flat()])
  if (frame.kind === 'ping') return noticeBytes([2])
  if (frame.kind === 'pong') return noticeBytes([3])
  return frameBytes(frame.channel, KINDS.indexOf(frame.kind), fromHex(frame.payload))
}

function noticeBytes(numbers: number[]): Uint8Array {
  return frameBytes(0, NOTICE, Uint8Array.from(numbers.flatMap(varint)))
}

function frameBytes(channel: number, kind: number, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_PAYLOAD) throw new Error('the payload is too large')
  const head = [...varint(channel), ...varint(payload.length * 8 + kind)]
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}

export function encodeRecord(frames: Frame[]): Uint8Array {
  const bytes = new Uint8Array(Buffer.concat(frames.map(encodeFrame)))
  if (bytes.length > MAX_RECORD) throw new Error('the record is too large')
  return bytes
}
