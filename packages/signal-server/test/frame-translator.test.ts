import * as ws from 'ws'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ControlOpcode,
  FrameError,
  Opcode,
  serverFrame,
} from '../src/connection/pipe/frame.js'
import { FrameTranslator } from '../src/connection/pipe/frame-translator.js'
import { nativeFrom, type NativeUnmask, nativeUnmask } from '../src/connection/pipe/unmask.js'

interface SenderOptions {
  opcode: number
  fin: boolean
  mask: true
  readOnly: true
  generateMask: (mask: Buffer) => void
}

// The types of ws leave these two out.
const { Receiver, Sender } = ws as unknown as {
  Receiver: new () => NodeJS.WritableStream
  Sender: { frame(data: Buffer, options: SenderOptions): Buffer[] }
}

interface Frame {
  opcode: number
  fin: boolean
  payload: Buffer
}

const keyA = Buffer.from([0x12, 0xf4, 0x56, 0x80])

function clientFrame({ opcode, fin, payload }: Frame, key = keyA): Buffer {
  const generateMask = (mask: Buffer) => void key.copy(mask)
  return Buffer.concat(
    Sender.frame(payload, { opcode, fin, mask: true, readOnly: true, generateMask }),
  )
}

function frame(opcode: number, payload: Buffer | string = '', fin = true): Frame {
  return { opcode, fin, payload: Buffer.from(payload) }
}

/** A translator and what it gave its sink. */
function translation(native?: NativeUnmask | null) {
  const data: Buffer[] = []
  const controls: Frame[] = []
  /** Both in one order, the control frames encoded again. */
  const pieces: Buffer[] = []
  const sink = {
    data(bytes: Buffer) {
      data.push(bytes)
      pieces.push(bytes)
    },
    control(opcode: ControlOpcode, payload: Buffer) {
      controls.push({ opcode, fin: true, payload })
      pieces.push(serverFrame(opcode, payload))
    },
  }
  return { translator: new FrameTranslator(sink, native), data, controls, pieces }
}

/** The complete unmasked frames in some bytes, and how many bytes are left over. */
function decode(bytes: Buffer): { frames: Frame[]; rest: number } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= 2) {
    const short = bytes[at + 1]!
    if (short > 127) throw new Error('a masked frame')
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    if (start > bytes.length) break
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2))
    if (start + length > bytes.length) break
    const payload = bytes.subarray(start, start + length)
    frames.push({ opcode: bytes[at]! & 0x7f, fin: bytes[at]! > 0x7f, payload })
    at = start + length
  }
  return { frames, rest: bytes.length - at }
}

/** Cuts bytes, in copies, to sizes taken from a list again and again. */
function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  return chunks
}

/** Frames as strings, which compare faster than their bytes. */
function told(frames: Frame[]): string[] {
  return frames.map(({ opcode, fin, payload }) => `${opcode} ${fin} ${payload.toString('latin1')}`)
}

/** What ws makes of unmasked frames, as whole messages. */
function readByWs(pieces: Buffer[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const seen: Frame[] = []
    const receiver = new Receiver()
    receiver.on('message', (data, isBinary) => seen.push(frame(isBinary ? 2 : 1, data)))
    receiver.on('ping', (data) => seen.push(frame(Opcode.ping, data)))
    receiver.on('pong', (data) => seen.push(frame(Opcode.pong, data)))
    receiver.on('conclude', (code, reason) => seen.push(frame(Opcode.close, `${code} ${reason}`)))
    receiver.on('error', reject)
    receiver.on('finish', () => resolve(told(seen)))
    for (const piece of pieces) receiver.write(piece)
    receiver.end()
  })
}

/** What ws should make of them: a message where its last fragment is, a control frame where it is. */
function assembled(frames: Frame[]): string[] {
  const seen: Frame[] = []
  let parts: Frame[] = []
  for (const each of frames) {
    const { opcode, fin, payload } = each
    if (opcode === Opcode.close) {
      const code = payload.length === 0 ? 1005 : payload.readUInt16BE()
      seen.push(frame(opcode, `${code} ${payload.toString('utf8', 2)}`))
    } else if (opcode === Opcode.ping || opcode === Opcode.pong) {
      seen.push(each)
    } else {
      parts.push(each)
      if (!fin) continue
      seen.push(frame(parts[0]!.opcode, Buffer.concat(parts.map((part) => part.payload))))
      parts = []
    }
  }
  return told(seen)
}

const control = fc
  .tuple(fc.constantFrom(Opcode.ping, Opcode.pong), fc.uint8Array({ maxLength: 125 }))
  .map(([opcode, payload]) => frame(opcode, Buffer.from(payload)))

const close = fc.oneof(
  fc.constant(frame(Opcode.close)),
  fc
    .tuple(fc.integer({ min: 3000, max: 4999 }), fc.string({ unit: 'grapheme', maxLength: 20 }))
    .map(([code, reason]) =>
      frame(
        Opcode.close,
        Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
      ),
    ),
)

/**
 * The frames that pass when the bytes are cut so: of the pings of a chunk the last, and of its pongs
 * too, both where the later of them was.
 *
 * @param sent - bytes of each frame
 */
function passing(frames: Frame[], sent: number[], sizes: number[]): Frame[] {
  const chunks = cut(Buffer.alloc(sent.reduce((sum, size) => sum + size, 0)), sizes)
  const passed: Frame[] = []
  let chunkEnd = 0
  let frameEnd = 0
  let next = 0
  for (const { length } of chunks) {
    chunkEnd += length
    const complete: Frame[] = []
    while (next < frames.length && frameEnd + sent[next]! <= chunkEnd) {
      frameEnd += sent[next]!
      complete.push(frames[next++]!)
    }
    const isPassed = ({ opcode }: Frame) => opcode === Opcode.ping || opcode === Opcode.pong
    const place = complete.findLastIndex(isPassed)
    const last = [Opcode.ping, Opcode.pong].map((opcode) =>
      complete.findLast((each) => each.opcode === opcode),
    )
    complete.forEach((each, n) => {
      if (!isPassed(each)) passed.push(each)
      if (n === place) passed.push(...last.filter((control) => control !== undefined))
    })
  }
  return passed
}

/** A message, its fragments and the control frames before and between them. */
function message(sizes: fc.Arbitrary<number>): fc.Arbitrary<Frame[]> {
  return fc
    .record({
      opcode: fc.constantFrom(Opcode.text, Opcode.binary),
      fragments: fc.array(fc.tuple(fc.array(control, { maxLength: 2 }), sizes), {
        minLength: 1,
        maxLength: 3,
      }),
      seed: fc.integer({ min: 1, max: 94 }),
    })
    .map(({ opcode, fragments, seed }) =>
      fragments.flatMap(([before, size], i) => {
        const last = i === fragments.length - 1
        // Printable, and with a period that no mask has, so that a byte out of place is seen.
        const payload = Buffer.from(Array.from({ length: 97 }, (_, j) => 32 + ((j * seed) % 95)))
        const filled = Buffer.alloc(size, payload)
        return [...before, frame(i === 0 ? opcode : Opcode.continuation, filled, last)]
      }),
    )
}

const masks = fc.array(
  fc.oneof(fc.constant(Buffer.alloc(4)), fc.uint8Array({ minLength: 4, maxLength: 4 })),
  { minLength: 1, maxLength: 5 },
)

function traffic(sizes: fc.Arbitrary<number>) {
  return fc
    .record({
      messages: fc.array(message(sizes), { maxLength: 5 }),
      after: fc.array(control, { maxLength: 1 }),
      end: fc.option(close, { nil: undefined }),
      masks,
    })
    .map(({ messages, after, end, masks }) => {
      const frames = [...messages.flat(), ...after, ...(end === undefined ? [] : [end])]
      const sent = frames.map((each, i) => clientFrame(each, Buffer.from(masks[i % masks.length]!)))
      const lengths = sent.map(({ length }) => length)
      return { frames, closed: end !== undefined, bytes: Buffer.concat(sent), lengths }
    })
}

/** Short frames, cut anywhere. */
const shortTraffic = fc.tuple(
  traffic(fc.nat({ max: 140 })),
  fc.oneof(
    fc.constant<number[]>([1]),
    fc
      .array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 10 })
      .filter((sizes) => sizes.some(Boolean)),
  ),
)

/** Frames of all sizes, cut into pieces like those of a network, and small ones between. */
const longTraffic = fc.tuple(
  traffic(
    fc.oneof(
      fc.constantFrom(0, 1, 125, 126, 127, nativeFrom - 1, nativeFrom, 65_535, 65_536),
      fc.nat({ max: 2000 }),
      fc.nat({ max: 70_000 }),
    ),
  ),
  fc
    .tuple(fc.integer({ min: 1000, max: 65_536 }), fc.array(fc.nat({ max: 20 }), { maxLength: 5 }))
    .map(([long, short]) => [long, ...short]),
)

const anyTraffic = fc.oneof(shortTraffic, longTraffic)

describe.each([
  ['bufferutil, where it is installed', nativeUnmask],
  ['JavaScript alone', null],
])('a translator that unmasks with %s', (_, native) => {
  test('passes on the same frames, and the last ping and pong of a chunk, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyTraffic, async ([{ frames: sent, closed, bytes, lengths }, sizes]) => {
        const frames = passing(sent, lengths, sizes)
        const { pieces, translator } = translation(native)
        for (const chunk of cut(bytes, sizes)) translator.push(chunk)
        const output = decode(Buffer.concat(pieces))
        expect(told(output.frames)).toEqual(told(frames))
        expect(output.rest).toBe(0)
        expect(translator.closed).toBe(closed)
        expect(await readByWs(pieces)).toEqual(assembled(frames))
      }),
      { numRuns: 300 },
    )
  })

  test.each([125, 126, 65_535, 65_536])('takes a frame of %i bytes byte by byte', (size) => {
    const { pieces, translator } = translation(native)
    const sent = frame(Opcode.binary, Buffer.alloc(size, 'abc'))
    for (const chunk of cut(clientFrame(sent), [1])) translator.push(chunk)
    expect(told(decode(Buffer.concat(pieces)).frames)).toEqual(told([sent]))
  })

  test('hands on a piece of each chunk, and one more for each control frame and split header', () => {
    fc.assert(
      fc.property(anyTraffic, ([{ bytes }, sizes]) => {
        const { translator, data, controls } = translation(native)
        for (const chunk of cut(bytes, sizes)) {
          data.length = controls.length = 0
          translator.push(chunk)
          const views = data.filter(({ buffer }) => buffer === chunk.buffer)
          const headers = data.filter(({ buffer }) => buffer !== chunk.buffer)
          const size = views.reduce((sum, { length }) => sum + length, 0)
          const asFew =
            views.length <= 1 + controls.length &&
            headers.length <= 1 &&
            headers.every(({ length }) => length <= 10) &&
            size <= chunk.length
          if (!asFew)
            throw new Error(`${views.length} pieces, ${headers.length} headers, ${size} bytes`)
        }
      }),
    )
  })

  test('unmasks a frame of 2 GiB in constant memory', () => {
    let passed = 0
    let wrong = 0
    const expected = Buffer.alloc(65_521, 'x')
    const sink = {
      data(bytes: Buffer) {
        passed += bytes.length
        if (bytes.length === expected.length && !bytes.equals(expected)) wrong++
      },
      control() {},
    }
    const translator = new FrameTranslator(sink, native)
    const size = 2 ** 31
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, ...keyA])
    header.writeBigUInt64BE(BigInt(size), 2)
    translator.push(header)
    expect(passed).toBe(10)
    // Chunks of an odd size, in each phase of the mask.
    const masked = [0, 1, 2, 3].map((phase) =>
      Buffer.from(expected.map((byte, i) => byte ^ keyA[(i + phase) & 3]!)),
    )
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    for (let sent = 0, chunks = 0; sent < size; sent += expected.length, chunks++) {
      if (translator.atBoundary) throw new Error(`a boundary after ${sent} bytes`)
      translator.push(Buffer.from(masked[sent & 3]!.subarray(0, size - sent)))
      if (chunks % 64 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    expect(translator.atBoundary).toBe(true)
    expect(passed).toBe(10 + size)
    expect(wrong).toBe(0)
    // What waits for the collector; a translator that kept the frame would be at 2 GiB.
    expect(most).toBeLessThan(2 ** 29)
  })
})

describe('a translator', () => {
  test('is at a boundary exactly when its output ends with a whole frame', () => {
    fc.assert(
      fc.property(shortTraffic, ([{ bytes }, sizes]) => {
        let output = Buffer.alloc(0)
        const check = (piece: Buffer) => {
          output = Buffer.concat([output.subarray(output.length - decode(output).rest), piece])
          expect(translator.atBoundary).toBe(decode(output).rest === 0)
        }
        const translator: FrameTranslator = new FrameTranslator({
          data: check,
          control(opcode, payload) {
            expect(translator.atBoundary).toBe(true)
            check(serverFrame(opcode, payload))
          },
        })
        for (const chunk of cut(bytes, sizes)) {
          translator.push(chunk)
          expect(translator.atBoundary).toBe(decode(output).rest === 0)
        }
      }),
    )
  })

  test('makes one view of a chunk of its data frames, and copies nothing', () => {
    const { translator, data } = translation()
    const sizes = [5, 0, 125, 126, 1000, 65_536, 7]
    const frames = sizes.map((size) => frame(Opcode.binary, Buffer.alloc(size, 'x')))
    const chunk = Buffer.concat(frames.map((each) => clientFrame(each)))
    translator.push(chunk)
    expect(data).toHaveLength(1)
    expect(data[0]!.buffer).toBe(chunk.buffer)
    expect(data[0]!.length).toBe(chunk.length - 4 * frames.length)
    expect(decode(data[0]!).frames).toEqual(frames)
  })

  test.each([10, 1000, 100_000])('leaves a lone payload of %i bytes where it is', (size) => {
    const { translator, data } = translation()
    const chunk = clientFrame(frame(Opcode.binary, Buffer.alloc(size, 'x')))
    translator.push(chunk)
    expect(data).toHaveLength(1)
    expect(data[0]!.buffer).toBe(chunk.buffer)
    expect(data[0]!.byteOffset + data[0]!.length).toBe(chunk.byteOffset + chunk.length)
  })

  test('row 50: hands over the last of the pings of a chunk, behind the data that came before it', () => {
    const { translator, controls, data, pieces } = translation()
    const [before, after] = [frame(Opcode.text, 'before'), frame(Opcode.text, 'after')]
    const many = (from: number) =>
      Array.from({ length: 1_000 }, (_, n) => frame(Opcode.ping, String(from + n)))
    const sent = [...many(0), before, ...many(1_000), after]
    translator.push(Buffer.concat(sent.map((each) => clientFrame(each))))
    expect(controls).toEqual([frame(Opcode.ping, '1999')])
    expect(data).toHaveLength(2)
    const passed = [before, frame(Opcode.ping, '1999'), after]
    expect(told(decode(Buffer.concat(pieces)).frames)).toEqual(told(passed))
  })

  test('row 50: says how many pings a chunk had, and asks about every pong', () => {
    const counts: number[] = []
    const asked: string[] = []
    const translator = new FrameTranslator({
      data() {},
      control(opcode, payload, count) {
        counts.push(opcode, Number(payload), count)
      },
      answered(pong) {
        asked.push(pong.toString())
        return pong.toString() === '3'
      },
    })
    const chunk = [1, 2, 3].flatMap((n) => [
      frame(Opcode.pong, String(n)),
      frame(Opcode.ping, String(n)),
    ])
    translator.push(Buffer.concat(chunk.map((each) => clientFrame(each))))
    translator.push(clientFrame(frame(Opcode.ping, '4')))
    expect(counts).toEqual([Opcode.ping, 3, 3, Opcode.pong, 2, 2, Opcode.ping, 4, 1])
    expect(asked).toEqual(['1', '2', '3'])
  })

  test('hands over a control payload that later chunks do not change', () => {
    const { translator, controls } = translation()
    const chunk = clientFrame(frame(Opcode.ping, 'still here'))
    translator.push(chunk)
    chunk.fill(0)
    expect(controls).toEqual([frame(Opcode.ping, 'still here')])
  })

  test('hands on nothing of a header before it is complete', () => {
    for (const size of [10, 1000, 70_000]) {
      const { translator, data } = translation()
      const bytes = clientFrame(frame(Opcode.text, Buffer.alloc(size, 'x')))
      const header = bytes.subarray(0, size === 10 ? 6 : size === 1000 ? 8 : 14)
      for (const chunk of cut(header.subarray(0, -1), [1])) translator.push(chunk)
      expect(data).toEqual([])
      expect(translator.atBoundary).toBe(true)
      translator.push(header.subarray(-1))
      expect(Buffer.concat(data)).toHaveLength(header.length - 4)
      expect(translator.atBoundary).toBe(false)
    }
  })

  test('counts a frame of 2^53 - 1 bytes', () => {
    const { translator, data } = translation()
    translator.push(Buffer.from([0x82, 0xff, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...keyA]))
    translator.push(Buffer.from(keyA))
    const header = [0x82, 0x7f, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
    expect(Buffer.concat(data)).toEqual(Buffer.from([...header, 0, 0, 0, 0]))
    expect(translator.atBoundary).toBe(false)
  })

  test('does not look into text', () => {
    const { translator, data } = translation()
    translator.push(clientFrame(frame(Opcode.text, Buffer.from([0xff, 0xfe]))))
    expect(Buffer.concat(data)).toEqual(Buffer.from([0x81, 2, 0xff, 0xfe]))
  })

  test('ignores what comes after a close frame, in its chunk and in later ones', () => {
    const { translator, controls, data } = translation()
    const last = clientFrame(frame(Opcode.close, Buffer.from([0x03, 0xe8])))
    translator.push(
      Buffer.concat([last, clientFrame(frame(Opcode.text, 'late')), Buffer.from([0xff])]),
    )
    translator.push(clientFrame(frame(Opcode.ping)))
    expect(translator.closed).toBe(true)
    expect(controls.map(({ opcode }) => opcode)).toEqual([Opcode.close])
    expect(data).toEqual([])
  })

  test('leaves payloads to the native code from the size on at which that is faster', () => {
    const sizes: number[] = []
    const { translator, data } = translation((bytes, key) => {
      sizes.push(bytes.length)
      bytes.forEach((byte, i) => (bytes[i] = byte ^ key[i & 3]!))
    })
    const frames = [nativeFrom - 1, nativeFrom, 9000].map((size) =>
      frame(Opcode.binary, Buffer.alloc(size, 'abc')),
    )
    translator.push(Buffer.concat(frames.map((each) => clientFrame(each))))
    expect(sizes).toEqual([nativeFrom, 9000])
    expect(decode(Buffer.concat(data)).frames).toEqual(frames)
  })

  const opening = frame(Opcode.text, 'opening', false)
  const wrongClose = (...payload: number[]) =>
    clientFrame(frame(Opcode.close, Buffer.from(payload)))
  const code = (value: number) => wrongClose(value >> 8, value & 0xff)
  const long = (...length: number[]) => Buffer.from([0x82, 0xff, ...length, ...keyA])

  test.each<[string, Buffer, number, string, Frame?]>([
    ['RSV1', Buffer.from([0xc1, 0x80, ...keyA]), 1002, '§5.2'],
    ['RSV2', Buffer.from([0xa1, 0x80, ...keyA]), 1002, '§5.2'],
    ['RSV3', Buffer.from([0x91, 0x80, ...keyA]), 1002, '§5.2'],
    ['RSV1 on a ping', Buffer.from([0xc9, 0x80, ...keyA]), 1002, '§5.2'],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, number, string] => [
      `the reserved opcode ${opcode}`,
      Buffer.from([0x80 | opcode, 0x80, ...keyA]),
      1002,
      '§5.2',
    ]),
    ['an unmasked text', Buffer.from([0x81, 0x02, 0x61, 0x62]), 1002, '§5.1'],
    ['an unmasked empty text', Buffer.from([0x81, 0x00]), 1002, '§5.1'],
    ['an unmasked ping', Buffer.from([0x89, 0x00]), 1002, '§5.1'],
    ['a fragmented ping', Buffer.from([0x09, 0x80, ...keyA]), 1002, '§5.5'],
    ['a fragmented close', Buffer.from([0x08, 0x80, ...keyA]), 1002, '§5.5'],
    ['a ping of 126 bytes', clientFrame(frame(Opcode.ping, 'x'.repeat(126))), 1002, '§5.5'],
    ['a pong of 65,536 bytes', clientFrame(frame(Opcode.pong, 'x'.repeat(65_536))), 1002, '§5.5'],
    ['125 as a 16-bit length', Buffer.from([0x82, 0xfe, 0, 125, ...keyA]), 1002, '§5.2'],
    ['0 as a 16-bit length', Buffer.from([0x82, 0xfe, 0, 0, ...keyA]), 1002, '§5.2'],
    ['65,535 as a 64-bit length', long(0, 0, 0, 0, 0, 0, 0xff, 0xff), 1002, '§5.2'],
    ['0 as a 64-bit length', long(0, 0, 0, 0, 0, 0, 0, 0), 1002, '§5.2'],
    ['a length with its top bit set', long(0x80, 0, 0, 0, 0, 0, 0, 0), 1002, 'top bit'],
    ['a length of 2^53', long(0, 0x20, 0, 0, 0, 0, 0, 0), 1002, '2^53 - 1'],
    [
      'a length of 2^63 - 1',
      long(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      1002,
      '2^53 - 1',
    ],
    ['a continuation of nothing', clientFrame(frame(Opcode.continuation, 'x')), 1002, '§5.4'],
    ['a text inside a message', clientFrame(frame(Opcode.text, 'x')), 1002, '§5.4', opening],
    ['a binary inside a message', clientFrame(frame(Opcode.binary, 'x')), 1002, '§5.4', opening],
    ['a close payload of one byte', wrongClose(3), 1002, '§5.5.1'],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
      (value): [string, Buffer, number, string] => [
        `the close code ${value}`,
        code(value),
        1002,
        '§7.4',
      ],
    ),
    ['bad UTF-8 in a close reason', wrongClose(0x03, 0xe8, 0xc3, 0x28), 1007, '§5.5.1'],
  ])('refuses %s, with what came before delivered', (_, forbidden, code, rule, open) => {
    const before = [
      frame(Opcode.binary, Buffer.alloc(600, 'a')),
      frame(Opcode.ping, 'between'),
      frame(Opcode.text, 'b', false),
      frame(Opcode.continuation, 'c'),
      ...(open === undefined ? [] : [open]),
    ]
    const sent = Buffer.concat([...before.map((each) => clientFrame(each)), forbidden])
    const late = clientFrame(frame(Opcode.text, 'late'))
    for (const sizes of [[1], [7], [sent.length + late.length]]) {
      const { translator, pieces } = translation()
      const chunks = cut(Buffer.concat([sent, late]), sizes)
      const errors: unknown[] = []
      for (const chunk of chunks) {
        try {
          translator.push(chunk)
        } catch (error) {
          errors.push(error)
        }
      }
      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(FrameError)
      expect(errors[0]).toMatchObject({ code, message: expect.stringContaining(rule) })
      expect(decode(Buffer.concat(pieces))).toEqual({ frames: before, rest: 0 })
      expect(translator.atBoundary).toBe(true)
      expect(translator.closed).toBe(false)
    }
  })

  test('refuses a frame as soon as its first two bytes are forbidden', () => {
    const { translator } = translation()
    translator.push(Buffer.from([0x81]))
    expect(() => translator.push(Buffer.from([0x00]))).toThrow(/mask/)
  })
})
