function lengthBytes(length: number): number {
  return length < 126 ? 0 : length < 65_536 ? 2 : 8
}

/** Size of a frame as a server sends it: without a mask. */
export const serverFrameBytes = (payload: number) => 2 + lengthBytes(payload) + payload

/** Size of a frame as a client sends it: with a mask. */
export const clientFrameBytes = (payload: number) => serverFrameBytes(payload) + 4

/** The header of one final, masked frame. */
export function clientHeader(opcode: number, payload: number, mask: Buffer): Buffer {
  const extra = lengthBytes(payload)
  const header = Buffer.alloc(2 + extra + 4)
  header[0] = 0x80 | opcode
  header[1] = 0x80 | (extra === 0 ? payload : extra === 2 ? 126 : 127)
  if (extra === 2) header.writeUInt16BE(payload, 2)
  if (extra === 8) header.writeBigUInt64BE(BigInt(payload), 2)
  mask.copy(header, 2 + extra)
  return header
}

/**
 * Walks over the frames that a server sends, without assembling them: for each it reports the
 * opcode and the beginning of the payload (as many bytes as `peek` says).
 */
export class FrameWalker {
  /** Bytes of a header, or of a payload's beginning, that are not complete yet. */
  #kept: Buffer = Buffer.alloc(0)
  /** Bytes of the current payload that are still to come and are of no interest. */
  #skip = 0

  constructor(
    private readonly onFrame: (opcode: number, beginning: Buffer) => void,
    private readonly peek = 0,
  ) {}

  /** @param chunk is not kept beyond the call */
  push(chunk: Buffer): void {
    const bytes = this.#kept.length > 0 ? Buffer.concat([this.#kept, chunk]) : chunk
    let at = 0
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at)
      this.#skip -= skipped
      at += skipped
      if (this.#skip > 0 || bytes.length - at < 2) break
      const short = bytes[at + 1]! & 0x7f
      const extra = short === 126 ? 2 : short === 127 ? 8 : 0
      const start = at + 2 + extra
      if (bytes.length < start) break
      const payload =
        extra === 0
          ? short
          : extra === 2
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2))
      const wanted = Math.min(this.peek, payload)
      if (bytes.length < start + wanted) break
      this.onFrame(bytes[at]! & 0x0f, bytes.subarray(start, start + wanted))
      this.#skip = payload - wanted
      at = start + wanted
    }
    this.#kept = at < bytes.length ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0)
  }
}
