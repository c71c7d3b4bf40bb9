import { FrameError, maxControlPayload, Opcode } from './frame.js'

/** The header of a masked frame with a 64-bit length: the longest. */
export const maxHeader = 14
/** The header of a masked control frame: two bytes and the mask. */
export const controlHeader = 6

/** Whether a first byte is that of a control frame. */
export function isControl(first: number): boolean {
  return (first & 0x08) !== 0
}

/**
 * How many bytes of a frame must be at hand before any of it is handed on: the header of a data
 * frame, all of a control frame. While that can't be told yet, more than there are.
 *
 * @throws FrameError as soon as the bytes of the header break a rule
 */
export function leadSize(bytes: Buffer, from: number, end: number, fragmented: boolean): number {
  if (end - from < 2) return 2
  const first = bytes[from]!
  const second = bytes[from + 1]!
  const opcode = first & 0x0f
  const short = second & 0x7f
  if ((first & 0x70) !== 0) throw forbidden('RSV1, RSV2 and RSV3 must be 0', '5.2')
  if (second < 0x80) throw forbidden('a client must mask its frames', '5.1')
  if (isControl(opcode)) {
    if (opcode > Opcode.pong) throw forbidden(`opcode ${opcode} is reserved`, '5.2')
    if (first < 0x80) throw forbidden('a control frame must not be fragmented', '5.5')
    if (short > maxControlPayload) {
      throw forbidden('a control frame has 125 bytes of payload at most', '5.5')
    }
    return controlHeader + short
  }
  if (opcode > Opcode.binary) throw forbidden(`opcode ${opcode} is reserved`, '5.2')
  if (fragmented !== (opcode === Opcode.continuation)) {
    throw fragmented
      ? forbidden('a message must end before the next begins', '5.4')
      : forbidden('a continuation needs a message to continue', '5.4')
  }
  if (short < 126) return 6
  const size = short === 126 ? 8 : maxHeader
  if (end - from >= size) checkLength(bytes, from, short)
  return size
}

/** The extended payload length; inexact where it has more than 53 bits. */
export function readLength(bytes: Buffer, from: number, short: number): number {
  if (short === 126) return (bytes[from + 2]! << 8) | bytes[from + 3]!
  return bytes.readUInt32BE(from + 2) * 2 ** 32 + bytes.readUInt32BE(from + 6)
}

function checkLength(bytes: Buffer, from: number, short: number): void {
  const length = readLength(bytes, from, short)
  if (length < (short === 126 ? 126 : 0x10000)) {
    throw forbidden('a length must be written in the fewest bytes that hold it', '5.2')
  }
  if (length <= Number.MAX_SAFE_INTEGER) return
  if (bytes[from + 2]! > 0x7f) throw forbidden('the top bit of a 64-bit length must be 0', '5.2')
  throw forbidden('a frame longer than 2^53 - 1 bytes is more than this server counts', '5.2')
}

/** The four bytes of a mask, the first of them in the low byte. */
export function readKey(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function forbidden(rule: string, section: string): FrameError {
  return new FrameError(1002, `${rule} (RFC 6455 §${section})`)
}
