import { randomBytes } from 'node:crypto'

/** A frame as it came from the server. */
export interface Frame {
  fin: boolean
  opcode: number
  payload: Buffer
}

export interface FrameFlaws {
  /** false for a fragment that others follow. */
  fin?: boolean
  /** The three reserved bits, as a number from 0 to 7. */
  rsv?: number
  /** false leaves the mask out, which only a server may. */
  masked?: boolean
  /** Written instead of the payload's own length, as 64 bits. */
  claimedLength?: bigint
}

/** A frame as a client sends it (RFC 6455 §5.2), or one with a flaw. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array = '',
  { fin = true, rsv = 0, masked = true, claimedLength }: FrameFlaws = {},
): Buffer {
  const body = Buffer.from(payload)
  const mask = masked ? randomBytes(4) : Buffer.alloc(0)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const short = masked ? 0x80 : 0
  let header: Buffer
  if (claimedLength !== undefined || body.length > 0xffff) {
    header = Buffer.alloc(10)
    header[1] = short | 127
    header.writeBigUInt64BE(claimedLength ?? BigInt(body.length), 2)
  } else if (body.length > 125) {
    header = Buffer.alloc(4)
    header[1] = short | 126
    header.writeUInt16BE(body.length, 2)
  } else {
    header = Buffer.from([0, short | body.length])
  }
  header[0] = first
  if (masked) for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!
  return Buffer.concat([header, mask, body])
}

/** A close frame as a client sends it. */
export function clientClose(code?: number, reason = ''): Buffer {
  const payload = Buffer.alloc(code === undefined ? 0 : 2 + Buffer.byteLength(reason))
  if (code !== undefined) {
    payload.writeUInt16BE(code)
    payload.write(reason, 2)
  }
  return clientFrame(8, payload)
}

/** Takes the first frame off bytes from the server; undefined where it is not complete. */
export function takeFrame(bytes: Buffer): { frame: Frame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  let length = bytes[1]! & 0x7f
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
  const frame = {
    fin: bytes[0]! >= 0x80,
    opcode: bytes[0]! & 0x0f,
    payload: bytes.subarray(at, at + length),
  }
  return { frame, rest: bytes.subarray(at + length) }
}
