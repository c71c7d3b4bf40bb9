import { Violation } from './violation.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The payload of `close`: a code (2 bytes, big-endian), and a reason of at most 123 bytes in UTF-8. */
export function encodeClose(code: number, reason: string): Uint8Array {
  const text = encoder.encode(reason).subarray(0, 123)
  const payload = new Uint8Array(2 + text.length)
  payload[0] = code >> 8
  payload[1] = code & 255
  payload.set(text, 2)
  return payload
}

/** @throws Violation if there is no code */
export function decodeClose(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length < 2) throw new Violation('a close without a code')
  const code = payload[0]! * 256 + payload[1]!
  return { code, reason: decoder.decode(payload.subarray(2)) }
}
