import type { Frame } from './frames.js'

/** Takes apart the frames that a server sends, in whatever chunks they come. */
export class FrameReader {
  #chunks: Buffer[] = []
  #size = 0
  /** Size of the next frame, as far as its header tells. */
  #wanted = 2

  /** @param read - called with each frame as soon as it is complete, and with its bytes */
  constructor(private readonly read: (frame: Frame, bytes: Buffer) => void) {}

  /** @throws Error if no server may send a frame of this kind */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    // a large frame comes in many chunks: they are joined when there is enough
    if (this.#size < this.#wanted) return
    let bytes: Buffer = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : chunk
    this.#wanted = frameSize(bytes)
    while (bytes.length >= this.#wanted) {
      const whole = bytes.subarray(0, this.#wanted)
      bytes = bytes.subarray(this.#wanted)
      this.read(frameOf(whole), whole)
      this.#wanted = frameSize(bytes)
    }
    this.#chunks = [bytes]
    this.#size = bytes.length
  }
}

/** Size of the frame that begins here, or at least of its header if that is not complete. */
function frameSize(bytes: Buffer): number {
  if (bytes.length < 2) return 2
  if ((bytes[0]! & 0x70) !== 0) throw new Error('the server has set a reserved bit of a frame')
  const short = bytes[1]!
  if (short >= 0x80) throw new Error('the server has masked a frame')
  if (short < 126) return 2 + short
  const header = short === 126 ? 4 : 10
  if (bytes.length < header) return header
  return header + (short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)))
}

/** @param bytes - of one frame, complete */
function frameOf(bytes: Buffer): Frame {
  const header = bytes[1] === 126 ? 4 : bytes[1] === 127 ? 10 : 2
  const payload = bytes.subarray(header)
  return { fin: bytes[0]! >= 0x80, opcode: bytes[0]! & 0x0f, payload }
}
