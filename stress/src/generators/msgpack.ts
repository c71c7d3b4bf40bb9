import { costlyPattern, costlyText } from './costly-texts.js'
import type { Random } from '../random.js'

// MessagePack by its specification (github.com/msgpack/msgpack/blob/master/spec.md): every first
// byte, every extension that a library is known to give a meaning to, and lengths that lie.

/** Extension types to which libraries give a meaning (those of msgpackr, mostly). */
const types = {
  regexp: 0x78,
  bigint: 0x42,
  error: 0x65,
  record: 0x72,
  set: 0x73,
  typedArray: 0x74,
  id: 0x69,
  pointer: 0x70,
  bundle: 0x62,
  timestamp: 0xff,
  undefined: 0x00,
  application: 0x01,
} as const

const head = (first: number, bytes: number, length: number): Buffer => {
  const buffer = Buffer.alloc(1 + bytes)
  buffer[0] = first
  if (bytes > 0) buffer.writeUIntBE(Math.min(length, 2 ** (8 * bytes) - 1), 1, bytes)
  return buffer
}

/** The head of something with a length; the size of the field is the smallest, or any larger one. */
function sized(random: Random, fields: readonly (readonly [number, number])[], length: number) {
  const fitting = fields.filter(([, bytes]) => length < 2 ** (8 * bytes))
  const [first, bytes] = random.pick(fitting)
  const lies = random.chance(0.05)
  return head(first, bytes, lies ? random.length(2 ** 32 - 1) : length)
}

function packedText(random: Random, text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length < 32 && random.chance(0.8)) {
    return Buffer.concat([head(0xa0 + bytes.length, 0, 0), bytes])
  }
  const fields = [
    [0xd9, 1],
    [0xda, 2],
    [0xdb, 4],
  ] as const
  return Buffer.concat([sized(random, fields, bytes.length), bytes])
}

function packedBytes(random: Random, bytes: Buffer): Buffer {
  const fields = [
    [0xc4, 1],
    [0xc5, 2],
    [0xc6, 4],
  ] as const
  return Buffer.concat([sized(random, fields, bytes.length), bytes])
}

function packedArray(random: Random, items: readonly Buffer[]): Buffer {
  const fields = [
    [0xdc, 2],
    [0xdd, 4],
  ] as const
  const short = items.length < 16 && random.chance(0.8)
  const start = short ? head(0x90 + items.length, 0, 0) : sized(random, fields, items.length)
  return Buffer.concat([start, ...items])
}

function packedMap(random: Random, entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  const fields = [
    [0xde, 2],
    [0xdf, 4],
  ] as const
  const short = entries.length < 16 && random.chance(0.8)
  const start = short ? head(0x80 + entries.length, 0, 0) : sized(random, fields, entries.length)
  return Buffer.concat([start, ...entries.flat()])
}

/** What follows an extension, which libraries read as a part of it. */
function completion(random: Random, type: number, bytes: number, depth: number): Buffer {
  if (random.chance(0.1)) return Buffer.alloc(0)
  const text = (content: string) => packedText(random, content)
  if (type === types.regexp) {
    const flags = random.pick(['v', 'v', 'u', 'g', '', 'x'])
    return packedArray(random, [text(costlyPattern(random, bytes)), text(flags)])
  }
  if (type === types.error) {
    // each with another one as its cause
    const cause = depth > 20 ? Buffer.from([0xc0]) : extension(random, bytes - 20, depth + 1, type)
    return packedArray(random, [text('RangeError'), text('x'.repeat(10)), cause])
  }
  return packedValue(random, bytes, depth + 1)
}

function extension(
  random: Random,
  about: number,
  depth: number,
  type = random.chance(0.95) ? random.pick(Object.values(types)) : random.below(256),
): Buffer {
  const bytes = Math.max(1, Math.floor(about))
  const fixed = random.below(5)
  // a record and a bundle say by number what they are
  if (random.chance(0.6)) {
    const start = Buffer.concat([Buffer.from([0xd4 + fixed, type]), random.bytes(2 ** fixed)])
    return Buffer.concat([start, completion(random, type, bytes, depth)])
  }
  const length = type === types.bigint ? bytes : Math.min(bytes, 64)
  const inside = Buffer.alloc(length, random.pick([0xff, 0x00, 0x81, 0x91]))
  const start = sized(
    random,
    [
      [0xc7, 1],
      [0xc8, 2],
      [0xc9, 4],
    ],
    inside.length,
  )
  return Buffer.concat([start, Buffer.from([type]), inside, completion(random, type, 10, depth)])
}

/** Any value, of about so many bytes. */
function packedValue(random: Random, about: number, depth = 0): Buffer {
  const bytes = Math.max(1, Math.floor(about))
  const kind = random.below(depth > 4 ? 6 : 10)
  const part = () => packedValue(random, bytes / 8, depth + 1)
  switch (kind) {
    case 0:
      // nil, the byte that is never used, booleans, small integers
      return Buffer.from([random.pick([0xc0, 0xc1, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff])])
    case 1: {
      const [first, length] = random.pick([
        [0xca, 4],
        [0xcb, 8],
        [0xcc, 1],
        [0xcd, 2],
        [0xce, 4],
        [0xcf, 8],
        [0xd0, 1],
        [0xd1, 2],
        [0xd2, 4],
        [0xd3, 8],
      ] as const)
      return Buffer.concat([Buffer.from([first]), random.bytes(length)])
    }
    case 2:
      return packedBytes(random, Buffer.alloc(bytes))
    case 3:
      return packedText(random, costlyText(random, bytes))
    case 4:
    case 5:
      return extension(random, bytes, depth)
    case 6:
      return packedArray(random, Array.from({ length: random.below(12) }, part))
    case 7:
      // wide, of the smallest things that there are
      return packedArray(
        random,
        Array<Buffer>(Math.floor(bytes)).fill(Buffer.from([random.pick([0xc0, 0x80, 0x90])])),
      )
    case 8:
      return packedMap(
        random,
        Array.from({ length: random.below(8) }, () => [part(), part()] as const),
      )
    default:
      // deep
      return Buffer.alloc(bytes, random.pick([0x91, 0x81, 0xd4]))
  }
}

/** A message as the v4 dialect has it, of at most about so many bytes, with one field of any kind. */
export function packedMessage(random: Random, most: number): Buffer {
  const bytes = random.chance(0.3) ? most : 1 + random.length(most)
  const name = (text: string) => packedText(random, text)
  const keys = Array.from({ length: 1 + random.below(4) }, (_, i) => name(`k${i}`))
  const any = () => (random.chance(0.6) ? extension(random, bytes, 0) : packedValue(random, bytes))
  const entries: [Buffer, Buffer][] = [
    [name('type'), name(random.pick(['Join', 'Join', 'Leave', 'Heartbeat']))],
    [name('documentIds'), random.chance(0.7) ? packedArray(random, keys) : any()],
    // a name need not be a text
    [random.chance(0.8) ? name(random.pick(['x', '__proto__', 'peerId'])) : any(), any()],
  ]
  if (random.chance(0.5)) entries.reverse()
  return packedMap(random, entries)
}
