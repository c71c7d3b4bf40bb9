import { isUtf8 } from 'node:buffer'
import { deepest } from '../../nesting.js'
import { BadMessage } from './dialect.js'

type Kind = 'scalar' | 'bytes' | 'string' | 'array' | 'map'

/** A format that has a first byte of its own. */
interface Format {
  readonly kind: Kind
  /** Bytes of a scalar; of all others the bytes that their length takes. */
  readonly size: number
}

// https://github.com/msgpack/msgpack/blob/master/spec.md#formats; what is missing is an extension
// (0xc7 to 0xc9, 0xd4 to 0xd8), or never used (0xc1)
const firstOfFormats = 0xc0
const formats: (Format | undefined)[] = []
const define = (first: number, kind: Kind, ...sizes: number[]) => {
  for (const [n, size] of sizes.entries()) formats[first - firstOfFormats + n] = { kind, size }
}
define(0xc0, 'scalar', 0) // nil
define(0xc2, 'scalar', 0, 0) // false, true
define(0xc4, 'bytes', 1, 2, 4)
define(0xca, 'scalar', 4, 8, 1, 2, 4, 8, 1, 2, 4, 8) // floats, unsigned and signed integers
define(0xd9, 'string', 1, 2, 4)
define(0xdc, 'array', 2, 4)
define(0xde, 'map', 2, 4)

/**
 * Reads a MessagePack message value by value: nil, booleans, numbers, strings, bytes, arrays, and
 * maps whose keys are strings. Everything else is refused, each extension included.
 *
 * The cost is proportional to the size of the message: each value takes one byte at least, each
 * length is compared with what remains before it is used, and nothing is allocated for a value that
 * is skipped. All methods throw BadMessage.
 */
export class MsgpackReader {
  #at = 0
  /** Of the value whose head was read last: its bytes, items or entries. */
  #length = 0

  constructor(private readonly bytes: Buffer) {}

  /** @returns the number of entries of the map that comes next; undefined if it is no map */
  map(): number | undefined {
    return this.#head() === 'map' ? this.#length : undefined
  }

  /** The string that comes next; undefined if another value was there, which is skipped. */
  string(): string | undefined {
    const start = this.#at
    return this.#head() === 'string' ? this.#text() : this.#skipFrom(start)
  }

  /** The list of strings that comes next; undefined if another value was there, which is skipped. */
  strings(): string[] | undefined {
    const start = this.#at
    if (this.#head() !== 'array') return this.#skipFrom(start)
    const strings: string[] = []
    for (let left = this.#length; left > 0; left--) {
      if (this.#head() !== 'string') return this.#skipFrom(start)
      strings.push(this.#text())
    }
    return strings
  }

  /** Skips the value that comes next. Its format is checked, its strings are not decoded. */
  skip(levels = deepest): void {
    const kind = this.#head()
    if (kind !== 'array' && kind !== 'map') return void this.#take(this.#length)
    if (levels === 0) throw new BadMessage(`A value must be nested at most ${deepest} deep.`)
    for (let left = this.#length; left > 0; left--) {
      if (kind === 'map') this.#skipKey()
      this.skip(levels - 1)
    }
  }

  /** The message must be over. */
  end(): void {
    if (this.#at < this.bytes.length) throw new BadMessage('There is more than one value.')
  }

  #skipKey(): void {
    if (this.#head() !== 'string') throw new BadMessage('A key of a map must be a string.')
    this.#take(this.#length)
  }

  #skipFrom(start: number): undefined {
    this.#at = start
    this.skip()
  }

  /** Reads what kind of value comes next, and its length. */
  #head(): Kind {
    const first = this.bytes[this.#take(1)]!
    if (first < 0x80 || first >= 0xe0) return this.#found('scalar', 0)
    if (first < 0x90) return this.#found('map', first & 0x0f)
    if (first < 0xa0) return this.#found('array', first & 0x0f)
    if (first < 0xc0) return this.#found('string', first & 0x1f)
    const format = formats[first - firstOfFormats]
    if (!format) throw new BadMessage('Extensions of MessagePack are not allowed.')
    const { kind, size } = format
    return this.#found(
      kind,
      kind === 'scalar' ? size : this.bytes.readUIntBE(this.#take(size), size),
    )
  }

  #found(kind: Kind, length: number): Kind {
    // an item takes a byte at least, and an entry of a map two
    const least = kind === 'map' ? 2 * length : length
    if (least > this.bytes.length - this.#at) throw tooShort()
    this.#length = length
    return kind
  }

  /** @returns where so many bytes begin, which are passed */
  #take(length: number): number {
    const start = this.#at
    if (length > this.bytes.length - start) throw tooShort()
    this.#at += length
    return start
  }

  #text(): string {
    const start = this.#take(this.#length)
    const text = this.bytes.toString('utf8', start, this.#at)
    // what is no UTF-8 becomes this character, but so does the character itself
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, this.#at))) {
      throw new BadMessage('A string is not UTF-8.')
    }
    return text
  }
}

const tooShort = () => new BadMessage('The message ends too early.')
