import * as ws from 'ws'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  closeFrame,
  FrameError,
  Opcode,
  parseClose,
  serverFrame,
} from '../src/connection/pipe/frame.js'

// The types of ws leave these two out.
const { Receiver, Sender } = ws as unknown as {
  Receiver: new () => NodeJS.WritableStream
  Sender: { frame(data: Buffer, options: { opcode: number; fin: boolean }): Buffer[] }
}

const sizes = fc.oneof(
  fc.constantFrom(0, 1, 124, 125, 126, 127, 65_535, 65_536),
  fc.nat({ max: 70_000 }),
)

/** The payload of a frame that is shorter than 126 bytes. */
function payloadOf(frame: Buffer): Buffer {
  expect(frame[1]).toBe(frame.length - 2)
  return frame.subarray(2)
}

function close(code: number, reason: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
}

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('serverFrame', () => {
  test('makes the frames that ws makes, whatever the size', () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom(0, 1, 2, 9, 10), fc.boolean(), (size, opcode, fin) => {
        const payload = Buffer.alloc(size, 'signal')
        const expected = Buffer.concat(Sender.frame(payload, { opcode, fin }))
        expect(serverFrame(opcode, payload, fin).equals(expected)).toBe(true)
      }),
    )
  })

  test('ends a message unless it is told otherwise', () => {
    expect(serverFrame(Opcode.text, 'a')).toEqual(Buffer.from([0x81, 1, 0x61]))
    expect(serverFrame(Opcode.text, 'a', false)).toEqual(Buffer.from([0x01, 1, 0x61]))
  })

  test('sends a string as UTF-8 and counts its bytes', () => {
    expect(serverFrame(Opcode.text, 'né')).toEqual(Buffer.from([0x81, 3, 0x6e, 0xc3, 0xa9]))
  })

  test('copies the payload', () => {
    const payload = Buffer.from('before')
    const frame = serverFrame(Opcode.binary, payload)
    payload.fill('x')
    expect(frame.subarray(2).toString()).toBe('before')
  })
})

describe('closeFrame', () => {
  test('without a code is empty', () => {
    expect(closeFrame()).toEqual(Buffer.from([0x88, 0]))
  })

  test('is read by ws as it was meant', async () => {
    const receiver = new Receiver()
    const concluded = new Promise((resolve) => {
      receiver.on('conclude', (code, reason) => resolve([code, String(reason)]))
    })
    receiver.write(closeFrame(4408, 'the peer did not come'))
    expect(await concluded).toEqual([4408, 'the peer did not come'])
  })

  test('is read by parseClose as it was meant', () => {
    const codes = fc.oneof(
      fc.constantFrom(1000, 1003, 1007, 1014),
      fc.integer({ min: 3000, max: 4999 }),
    )
    const reasons = fc.string({ unit: 'grapheme', maxLength: 20 })
    fc.assert(
      fc.property(codes, reasons, (code, reason) => {
        fc.pre(Buffer.byteLength(reason) <= 123)
        expect(parseClose(payloadOf(closeFrame(code, reason)))).toEqual({ code, reason })
      }),
    )
  })

  test('cuts a long reason to 123 bytes, between two characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 100, maxLength: 200 }), (reason) => {
        const payload = payloadOf(closeFrame(1000, reason))
        const sent = parseClose(payload).reason
        expect(payload.length).toBeLessThanOrEqual(125)
        expect(reason.startsWith(sent)).toBe(true)
        const next = String.fromCodePoint(reason.codePointAt(sent.length) ?? 0)
        const full = payload.length + Buffer.byteLength(next) > 125
        expect(sent === reason || full).toBe(true)
      }),
    )
  })

  test.each([
    ['é'.repeat(62), 'é'.repeat(61)],
    ['x' + '🦊'.repeat(31), 'x' + '🦊'.repeat(30)],
    ['x'.repeat(124), 'x'.repeat(123)],
    ['x'.repeat(123), 'x'.repeat(123)],
  ])('sends of the reason %s what fits', (reason, sent) => {
    expect(payloadOf(closeFrame(1000, reason)).subarray(2).toString()).toBe(sent)
  })

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_536])('refuses the code %i', (code) => {
    expect(() => closeFrame(code)).toThrow(RangeError)
  })
})

describe('parseClose', () => {
  test('finds neither code nor reason in an empty payload', () => {
    expect(parseClose(Buffer.alloc(0))).toEqual({ reason: '' })
  })

  test('allows exactly the codes that may be sent', () => {
    const allowed: number[] = []
    for (let code = 0; code <= 0xffff; code++) {
      try {
        parseClose(close(code))
        allowed.push(code)
      } catch (error) {
        expect(error).toMatchObject({ name: 'FrameError', code: 1002 })
      }
    }
    const range = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i)
    expect(allowed).toEqual([...range(1000, 1003), ...range(1007, 1014), ...range(3000, 4999)])
  })

  test('refuses a payload of one byte with 1002', () => {
    const error = thrownBy(() => parseClose(Buffer.from([3])))
    expect(error).toBeInstanceOf(FrameError)
    expect(error).toMatchObject({ code: 1002, message: expect.stringContaining('§5.5.1') })
  })

  test.each([
    ['a lone continuation byte', [0x80]],
    ['a character cut short', [0x61, 0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('refuses %s in the reason with 1007', (_, bytes) => {
    const error = thrownBy(() => parseClose(close(1000, Buffer.from(bytes))))
    expect(error).toBeInstanceOf(FrameError)
    expect(error).toMatchObject({ code: 1007, message: expect.stringContaining('UTF-8') })
  })
})
