import { randomBytes } from 'node:crypto'
import { Failure } from './failure.js'

/** The opcodes of RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A frame as it came from the server. */
export interface Frame {
  fin: boolean
  opcode: number
  payload: Buffer
}

/** What makes a frame one that RFC 6455 may forbid. */
export interface FrameFlaws {
  /** false for a fragment that others follow. */
  fin?: boolean
  /** The three reserved bits, as a number from 0 to 7. */
  rsv?: number
  /** false leaves the mask out. */
  masked?: boolean
  /** How many bytes the length takes: 7, 16 or 64 bits. */
  lengthBits?: 7 | 16 | 64
  /** Written instead of the payload's own length. */
  claimedLength?: bigint
}

/** A frame as a client sends it, or one with a flaw. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array = '',
  { fin = true, rsv = 0, masked = true, lengthBits, claimedLength }: FrameFlaws = {},
): Buffer {
  const body = Buffer.from(payload)
  const length = claimedLength ?? BigInt(body.length)
  const bits = lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64)
  const header = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10)
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  header[1] = (masked ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127)
  if (bits === 16) header.writeUInt16BE(Number(length), 2)
  if (bits === 64) header.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([header, body])
  const mask = randomBytes(4)
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!
  return Buffer.concat([header, mask, body])
}

/** A close frame as a client sends it. */
export function clientClose(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return clientFrame(Opcode.close)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return clientFrame(Opcode.close, Buffer.concat([head, Buffer.from(reason)]))
}

/**
 * Takes the first frame off bytes from the server.
 * @returns undefined where it is not complete
 * @throws Failure where no server may send it
 */
export function takeFrame(bytes: Buffer): { frame: Frame; size: number } | undefined {
  if (bytes.length < 2) return undefined
  if (bytes[1]! >= 0x80) throw new Failure('the server has masked a frame')
  if ((bytes[0]! & 0x70) !== 0) throw new Failure('the server has set a reserved bit of a frame')
  let length = bytes[1]!
  let at = 2
  if (length === 126) {
    if (bytes.length < 4) return undefined
    length = bytes.readUInt16BE(2)
    at = 4
  } else if (length === 127) {
    if (bytes.length < 10) return undefined
    length = Number(bytes.readBigUInt64BE(2))
    at = 10
  }
  if (bytes.length < at + length) return undefined
  const payload = Buffer.from(bytes.subarray(at, at + length))
  return {
    frame: { fin: bytes[0]! >= 0x80, opcode: bytes[0]! & 0x0f, payload },
    size: at + length,
  }
}
