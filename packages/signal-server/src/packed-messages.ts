export interface Message {
  readonly data: Buffer
  readonly binary: boolean
}

const headerBytes = 5
// most that wait do so behind one other, and are short
const firstCapacity = 512

/**
 * Messages, first in, first out, in one buffer: as objects, ten thousand empty ones that come in one
 * chunk of 64 KiB would cost megabytes.
 */
export class PackedMessages {
  #bytes: Buffer | undefined
  #start = 0
  #end = 0

  get empty(): boolean {
    return this.#start === this.#end
  }

  /** Bytes of memory. */
  get cost(): number {
    return this.#bytes?.length ?? 0
  }

  /** Copies a message, for its data may be a view of much more. */
  push({ data, binary }: Message): void {
    const start = this.#reserve(headerBytes + data.length)
    const bytes = this.#bytes!
    bytes[start] = binary ? 1 : 0
    bytes.writeUInt32BE(data.length, start + 1)
    data.copy(bytes, start + headerBytes)
    this.#end = start + headerBytes + data.length
  }

  shift(): Message | undefined {
    if (this.empty) return undefined
    const bytes = this.#bytes!
    const start = this.#start + headerBytes
    const end = start + bytes.readUInt32BE(this.#start + 1)
    const message = { data: bytes.subarray(start, end), binary: bytes[this.#start] === 1 }
    this.#start = end
    if (this.empty) this.clear()
    return message
  }

  clear(): void {
    this.#bytes = undefined
    this.#start = this.#end = 0
  }

  /** Makes room behind the last message, doubling. What was shifted stays as it is. */
  #reserve(size: number): number {
    if (this.#end + size <= this.cost) return this.#end
    const used = this.#end - this.#start
    let capacity = firstCapacity
    while (capacity < used + size) capacity *= 2
    const grown = Buffer.allocUnsafeSlow(capacity)
    this.#bytes?.copy(grown, 0, this.#start, this.#end)
    this.#bytes = grown
    this.#start = 0
    this.#end = used
    return used
  }
}
