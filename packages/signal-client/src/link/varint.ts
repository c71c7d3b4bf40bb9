import { Violation } from './violation.js'

/** The largest integer on the wire: what a number holds exactly. */
const LARGEST = Number.MAX_SAFE_INTEGER

/** How many bytes an integer takes as an unsigned LEB128 varint. */
export function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/**
 * Writes an integer as an unsigned LEB128 varint.
 * @returns the position after it
 */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128
  bytes[at++] = rest
  return at
}

/** Reads varints one after the other. */
export class VarintReader {
  at = 0

  constructor(readonly bytes: Uint8Array) {}

  get ended(): boolean {
    return this.at >= this.bytes.length
  }

  /** @throws Violation if it is cut off, above 2^53 - 1, or longer than it need be */
  next(): number {
    const first = this.#byte()
    if (first < 128) return first
    let value = first & 127
    for (let factor = 128; ; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (value > LARGEST) throw new Violation('an integer above 2^53 - 1')
      if (byte === 0) throw new Violation('an integer that is longer than it need be')
      if (byte < 128) return value
    }
  }

  #byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new Violation('an integer that is cut off')
    return byte
  }
}
