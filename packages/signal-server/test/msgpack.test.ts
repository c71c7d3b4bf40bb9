import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { BadMessage, type Request } from '../src/introduction/dialects/dialect.js'
import { v0 } from '../src/introduction/dialects/v0.js'
import { v4 } from '../src/introduction/dialects/v4.js'
import { expectProportional, workOf } from './harness/work.js'

const packr = new Packr({ useRecords: false })
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 })

/** Values of each type that the dialect knows, nested. */
const known = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('any'), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie('any'), { maxKeys: 20 }),
  ),
})).any

/** The same bytes again and again, in a list. */
const listOf = (items: number, item: Buffer): Buffer => {
  const head = Buffer.of(0xdd, 0, 0, 0, 0)
  head.writeUInt32BE(items, 1)
  return Buffer.concat([head, Buffer.alloc(items * item.length, item)])
}

/** A Join whose list, or another field, is these bytes. */
const joinWith = (field: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x82), ...['type', 'Join', field].map((t) => packr.pack(t)), value])

function decoded(bytes: Buffer): Request[] | BadMessage {
  try {
    return v4.decode(bytes)
  } catch (error) {
    if (error instanceof BadMessage) return error
    throw error
  }
}

describe('row 48: the messages of v4', () => {
  test('a Join is read whatever its other fields have', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 50 }),
        fc.dictionary(fc.string(), known),
        fc.boolean(),
        (documentIds, more, first) => {
          const fields = { type: 'Join', documentIds }
          const message = first ? { ...fields, ...more, ...fields } : { ...more, ...fields }
          const keys = [...new Set(documentIds)]
          expect(v4.decode(packr.pack(message))).toEqual([{ type: 'join', keys }])
        },
      ),
    )
  })

  test('a list may have any length, and a key any that fits', () => {
    for (const count of [0, 1, 15, 16, 255, 256, 65_535, 65_536]) {
      const documentIds = Array.from({ length: count }, (_, n) => `k${n}`)
      const [join] = v4.decode(packr.pack({ type: 'Join', documentIds }))
      expect(join).toEqual({ type: 'join', keys: documentIds })
    }
    for (const length of [1, 31, 32, 255, 256, 65_535, 65_536]) {
      const documentIds = ['x'.repeat(length), 'é'.repeat(length)]
      const [join] = v4.decode(packr.pack({ type: 'Leave', documentIds }))
      expect(join).toEqual({ type: 'leave', keys: documentIds })
    }
  })

  test('any bytes are requests or a bad message', () => {
    const join = packr.pack({ type: 'Join', documentIds: ['one', 'two'], more: { a: [1, null] } })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        decoded(Buffer.from(bytes))
        decoded(joinWith('documentIds', Buffer.from(bytes)))
        decoded(joinWith('more', Buffer.from(bytes)))
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.nat(join.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(join)
        changed[at] = byte
        decoded(changed)
        expect(decoded(join.subarray(0, at))).toBeInstanceOf(BadMessage)
      }),
      { numRuns: 2_000 },
    )
  })

  /** An extension in each of its formats. */
  const extensions = (type: number): Buffer[] => [
    ...[1, 2, 4, 8, 16].map((size, n) =>
      Buffer.concat([Buffer.of(0xd4 + n, type), Buffer.alloc(size)]),
    ),
    Buffer.from([0xc7, 3, type, 1, 2, 3]),
    Buffer.from([0xc8, 0, 3, type, 1, 2, 3]),
    Buffer.from([0xc9, 0, 0, 0, 3, type, 1, 2, 3]),
  ]

  test('each extension is a bad message, wherever it stands', () => {
    const read: string[] = []
    for (let type = 0; type < 256; type++) {
      for (const extension of extensions(type)) {
        const inList = Buffer.concat([Buffer.of(0x91), extension])
        const asKey = Buffer.concat([Buffer.of(0x81), extension, Buffer.of(0xc0)])
        const inMap = Buffer.concat([Buffer.of(0x81, 0xa1, 0x61), extension])
        for (const value of [extension, inList, asKey, inMap]) {
          for (const message of [value, joinWith('documentIds', value), joinWith('more', value)]) {
            if (!(decoded(message) instanceof BadMessage)) read.push(message.toString('hex'))
          }
        }
      }
    }
    expect(read).toEqual([])
  })

  test.each([
    [
      'a field that is there twice',
      '83a474797065a44a6f696ea474797065a44a6f696eab646f63756d656e7449647390',
    ],
    ['a field whose name is no text', '8101a44a6f696e'],
    ['a key of a skipped map that is no text', '81a16d8101c0'],
    ['a text that is not UTF-8', '82a474797065a44a6f696eab646f63756d656e7449647391a1ff'],
    ['a surrogate in UTF-8', '82a474797065a44a6f696eab646f63756d656e7449647391a3eda080'],
    ['a second value', '81a474797065a9486561727462656174c0'],
    ['a length that is more than there is', '82a474797065a44a6f696ea16dddfffffffe'],
  ])('%s is a bad message', (_what, hex) => {
    expect(decoded(Buffer.from(hex, 'hex'))).toBeInstanceOf(BadMessage)
  })

  test('the character that stands for what is no UTF-8 is a key like others', () => {
    const documentIds = ['\ufffd', 'a\ufffd']
    expect(v4.decode(packr.pack({ type: 'Join', documentIds }))).toEqual([
      { type: 'join', keys: documentIds },
    ])
  })
})

describe('row 48: the work for a message of v4', () => {
  /** Another one with each number: one that was compiled before costs nothing. */
  const regularExpression = (number: number): Buffer => {
    const source = Buffer.from(`${number}${'\\p{RGI_Emoji}'.repeat(3_800)}`)
    const head = Buffer.from([0xd4, 0x78, 0, 0x92, 0xda, 0, 0])
    head.writeUInt16BE(source.length, 5)
    return Buffer.concat([head, source, Buffer.from([0xa1, 0x76])])
  }

  test('a regular expression in it is not compiled', () => {
    const plain = packr.pack({ type: 'Join', documentIds: ['x'.repeat(50_000)] })
    const hostile = Array.from({ length: 10 }, (_, n) => joinWith('more', regularExpression(n)))
    const work = workOf(() => decoded(hostile.pop()!))
    expect(work).toBeLessThan(20 + 10 * workOf(() => decoded(plain)))
  })

  const items: Record<string, Buffer> = {
    nil: Buffer.of(0xc0),
    'empty texts': Buffer.of(0xa0),
    'empty lists': Buffer.of(0x90),
    'empty maps': Buffer.of(0x80),
    'short texts': packr.pack('a'),
    'characters of two bytes': packr.pack('é'),
    'characters that stand for others': packr.pack('\ufffd'),
    floats: packr.pack(0.1),
    'large integers': packr.pack(2n ** 64n - 1n),
    'maps with a number as name': packr.pack({ 1000: 1 }),
    'lists nested 90 deep': Buffer.concat([Buffer.alloc(90, 0x91), Buffer.of(0xc0)]),
  }

  test.each(Object.keys(items))('is proportional to its size: %s', (name) => {
    const item = items[name]!
    for (const field of ['documentIds', 'more']) {
      const make = (size: number) => joinWith(field, listOf(Math.floor(size / item.length), item))
      expectProportional(128 * 1024, make, decoded)
    }
  })

  test('a skipped field allocates nothing', () => {
    const many = Buffer.concat([
      Buffer.of(0x83),
      ...['type', 'Join', 'documentIds', ['k'], 'more'].map((value) => packr.pack(value)),
      listOf(500_000, Buffer.of(0x80)),
    ])
    const before = process.memoryUsage()
    v4.decode(many)
    const { heapUsed, external } = process.memoryUsage()
    expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(many.length)
  })
})

test('row 48: a key with half of a surrogate pair is a bad message', () => {
  const half = '\\ud83d'
  for (const message of [`{"join":["${half}"]}`, `{"join":["a${half}b"]}`]) {
    expect(() => v0.decode(Buffer.from(message))).toThrow(BadMessage)
  }
  expect(v0.decode(Buffer.from('{"join":["\\ud83d\\udc1f"]}'))).toEqual([
    { type: 'join', keys: ['🐟'] },
  ])
})

describe('row 48: an Introduction to a client of v4', () => {
  const introduction = (id: string, keys: string[]) =>
    v4.encode({ type: 'introduction', id, keys, info: undefined, link: undefined })!

  test('is what msgpackr reads, for any id and keys', () => {
    fc.assert(
      fc.property(key, fc.array(key, { maxLength: 100 }), (peerId, documentIds) => {
        const read: unknown = packr.unpack(introduction(peerId, documentIds))
        expect(read).toEqual({ type: 'Introduction', peerId, documentIds })
      }),
    )
  })

  test('has the bytes that msgpackr writes, at each size of its lengths', () => {
    for (const size of [1, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
      const peerId = 'p'.repeat(Math.min(size, 256))
      for (const documentIds of [['k'.repeat(size)], Array<string>(size).fill('k')]) {
        const expected = packr.pack({ type: 'Introduction', peerId, documentIds })
        expect(introduction(peerId, documentIds).equals(expected)).toBe(true)
      }
    }
  })
})
