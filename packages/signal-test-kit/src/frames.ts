import { randomBytes } from 'node:crypto'

/** The opcodes of RFC 6455, section 5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A frame as it came from a server. */
export interface Frame {
  fin: boolean
  opcode: number
  payload: Buffer
}

/** What a frame has that is not usual; RFC 6455 forbids some of it. */
export interface FrameFlaws {
  /** false for a fragment that others follow. */
  fin?: boolean
  /** The three reserved bits, as a number from 0 to 7. */
  rsv?: number
  /** false leaves the mask out, which only a server may. */
  masked?: boolean
  /** Four bytes. @default random */
  mask?: Uint8Array
  /** How many bits the length takes. @default the fewest that it needs */
  lengthBits?: 7 | 16 | 64
  /** Written instead of the payload's own length. */
  claimedLength?: bigint
}

/** A frame as a client sends it (RFC 6455, section 5.2), or one with a flaw. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array = '',
  flaws: FrameFlaws = {},
): Buffer {
  const { fin = true, rsv = 0, masked = true, lengthBits, claimedLength } = flaws
  const body = Buffer.from(payload)
  const length = claimedLength ?? BigInt(body.length)
  const bits = lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64)
  const header = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10)
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  header[1] = (masked ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127)
  if (bits === 16) header.writeUInt16BE(Number(length), 2)
  if (bits === 64) header.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([header, body])
  const mask = flaws.mask ?? randomBytes(4)
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!
  return Buffer.concat([header, mask, body])
}

/** A close frame as a client sends it. */
export function clientClose(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return clientFrame(Opcode.close)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return clientFrame(Opcode.close, Buffer.concat([head, Buffer.from(reason)]))
}
