import { clientFrame } from 'signal-test-kit'
import type { Random } from '../random.js'
import { flipped, wildMessage } from './wild-values.js'

const frame = (random: Random, opcode: number, payload: Buffer, fin = true): Buffer =>
  clientFrame(opcode, payload, { fin, mask: random.bytes(4) })

/** A text as a client should send it. */
export const textFrame = (random: Random, text: string): Buffer =>
  frame(random, 1, Buffer.from(text))

/**
 * A few frames: mostly such as are allowed, with what may not be among them.
 * @param message - makes what they carry
 */
export function wildFrames(random: Random, message = wildMessage): Buffer {
  const frames: Buffer[] = []
  for (let i = random.below(6); i >= 0; i--) {
    const { data, binary } = message(random)
    const opcode = random.chance(0.8) ? (binary ? 2 : 1) : random.below(16)
    const control = opcode >= 8
    const payload = control && random.chance(0.9) ? data.subarray(0, random.below(126)) : data
    const whole = frame(random, opcode, payload, random.chance(0.9))
    frames.push(random.chance(0.1) ? flipped(random, whole) : whole)
  }
  const bytes = Buffer.concat(frames)
  return random.chance(0.1) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes
}
