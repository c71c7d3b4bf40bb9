import * as ws from 'ws'

interface FrameOptions {
  fin: boolean
  opcode: number
  mask: boolean
  readOnly: boolean
  rsv1?: boolean
  maskBuffer?: Buffer
}

// ws exports its sender, and its types do not know that
const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] }
}

/** What a frame is (RFC 6455 §5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const noMask = Buffer.alloc(4)

/**
 * A frame as a client may send it.
 *
 * @param mask - four bytes; with the default the payload stands in the frame as it is
 */
export function clientFrame(
  opcode: number,
  payload: Buffer,
  fin = true,
  mask: Buffer = noMask,
): Buffer {
  const options = { fin, opcode, mask: true, readOnly: true, maskBuffer: mask }
  return Buffer.concat(Sender.frame(payload, options))
}

/** A text message in one frame. */
export const textFrame = (text: string): Buffer => clientFrame(opcodes.text, Buffer.from(text))

/** The same bytes so many times. */
export const repeated = (bytes: Buffer, times: number): Buffer =>
  Buffer.concat(Array<Buffer>(times).fill(bytes))
