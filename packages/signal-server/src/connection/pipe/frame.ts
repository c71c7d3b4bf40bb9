import { isUtf8 } from 'node:buffer'

/** The opcodes of RFC 6455 §5.2; every other one is reserved. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The opcode of a frame that is about the connection, not part of a message: close, ping or pong. */
export type ControlOpcode = 8 | 9 | 10

/** The most bytes that the payload of a control frame may have (RFC 6455 §5.5). */
export const maxControlPayload = 125

/** A frame that RFC 6455 forbids; the message names the rule. */
export class FrameError extends Error {
  override readonly name = 'FrameError'

  /**
   * @param code - the close code that tells the sender: 1002 (protocol error) or 1007 (bad UTF-8)
   */
  constructor(
    readonly code: 1002 | 1007,
    message: string,
  ) {
    super(message)
  }
}

/**
 * A complete, unmasked frame, as a server sends it (RFC 6455 §5.2).
 *
 * @param payload - bytes, or a string that is sent as UTF-8; copied
 * @param fin - false for a fragment that others follow
 */
export function serverFrame(opcode: number, payload: Uint8Array | string, fin = true): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const length = body.length
  const headerSize = length < 126 ? 2 : length < 0x10000 ? 4 : 10
  const frame = Buffer.allocUnsafe(headerSize + length)
  frame[0] = (fin ? 0x80 : 0) | opcode
  if (headerSize === 2) {
    frame[1] = length
  } else if (headerSize === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(body, headerSize)
  return frame
}

/**
 * A close frame of the server (RFC 6455 §5.5.1).
 *
 * @param code - left out, the frame is empty, which its receiver reports as 1005
 * @param reason - cut to the 123 bytes of UTF-8 that fit, between two characters; it needs a code
 * @throws RangeError if the code may not be sent
 */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return serverFrame(Opcode.close, '')
  if (!isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`)
  const payload = Buffer.alloc(maxControlPayload)
  payload.writeUInt16BE(code)
  // encodeInto writes whole characters only, as many as there is room for.
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2))
  return serverFrame(Opcode.close, payload.subarray(0, 2 + written))
}

/**
 * What a close frame says. An empty one has no code.
 *
 * @param payload - of the close frame, unmasked
 * @throws FrameError 1002 if it is one byte long or its code may not be sent, 1007 if its reason is
 * not UTF-8 (RFC 6455 §5.5.1, §7.4)
 */
export function parseClose(payload: Buffer): { code?: number; reason: string } {
  if (payload.length === 0) return { reason: '' }
  if (payload.length === 1) {
    throw new FrameError(1002, 'a close frame is empty or begins with two bytes (RFC 6455 §5.5.1)')
  }
  const code = payload.readUInt16BE()
  if (!isSendableCloseCode(code)) {
    throw new FrameError(1002, `close code ${code} may not be sent (RFC 6455 §7.4)`)
  }
  const reason = payload.subarray(2)
  if (!isUtf8(reason)) {
    throw new FrameError(1007, 'the reason of a close frame must be UTF-8 (RFC 6455 §5.5.1)')
  }
  return { code, reason: reason.toString() }
}

/** Registered codes that are not reserved for local use, and those of libraries and applications. */
function isSendableCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1003) ||
    (code >= 1007 && code <= 1014) ||
    (code >= 3000 && code < 5000)
  )
}
