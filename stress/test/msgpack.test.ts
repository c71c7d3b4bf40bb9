import { Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { packedMessage } from '../src/generators/msgpack.js'
import { Random } from '../src/random.js'

const messages = (seed: number, count: number, most = 500) => {
  const random = new Random(seed)
  return Array.from({ length: count }, () => packedMessage(random, most))
}

describe('generated MessagePack', () => {
  it('is the same for the same seed', () => {
    expect(messages(1, 50)).toEqual(messages(1, 50))
    expect(messages(1, 50)).not.toEqual(messages(2, 50))
  })

  it('holds each extension that msgpackr gives a meaning to', () => {
    const seen = new Set<number>()
    for (const bytes of messages(3, 500)) {
      for (let i = 0; i < bytes.length - 1; i++) {
        // fixext 1 to 16
        if (bytes[i]! >= 0xd4 && bytes[i]! <= 0xd8) seen.add(bytes[i + 1]!)
      }
    }
    for (const type of [0x78, 0x42, 0x65, 0x72, 0x73, 0x74, 0x69, 0x70, 0x62, 0xff, 0x00]) {
      expect(seen, `type 0x${type.toString(16)}`).toContain(type)
    }
  })

  it('reaches what is costly: a decoder that knows all types makes patterns, errors and bigints', () => {
    const unpackr = new Unpackr({ mapsAsObjects: true })
    const made = new Set<string>()
    const look = (value: unknown, depth = 0) => {
      if (typeof value === 'bigint') made.add('bigint')
      if (value instanceof RegExp) made.add('pattern')
      if (value instanceof Error) made.add('error')
      if (typeof value !== 'object' || value === null || depth > 5) return
      for (const inner of Object.values(value)) look(inner, depth + 1)
    }
    for (const bytes of messages(4, 2_000, 60)) {
      try {
        look(unpackr.unpack(bytes))
      } catch {
        // most of them are spoilt
      }
    }
    expect([...made].sort()).toEqual(['bigint', 'error', 'pattern'])
  })
})
