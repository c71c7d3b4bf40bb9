import { clientFrame, Opcode } from 'signal-test-kit'

const noMask = Buffer.alloc(4)

/** A frame in which the payload stands as it is: its mask is 0. */
export const plainFrame = (opcode: number, payload: Buffer, fin = true): Buffer =>
  clientFrame(opcode, payload, { fin, mask: noMask })

/** A text message in one frame. */
export const textFrame = (text: string): Buffer => plainFrame(Opcode.text, Buffer.from(text))

/** The same bytes so many times. */
export const repeated = (bytes: Buffer, times: number): Buffer =>
  Buffer.concat(Array<Buffer>(times).fill(bytes))
