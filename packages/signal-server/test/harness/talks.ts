import fc from 'fast-check'
import { clientFrame, type Frame } from 'signal-test-kit'
import { expect } from 'vitest'
import type { RawSocket } from './raw-socket.js'

const { text, binary, continuation, ping, pong } = {
  continuation: 0,
  text: 1,
  binary: 2,
  ping: 9,
  pong: 10,
}

/** Payload sizes around which the length of a header changes, and others. */
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.constantFrom(0, 125, 126, 65_535, 65_536) },
  { weight: 1, arbitrary: fc.nat(1024 * 1024) },
)

const payload = fc.tuple(size, fc.nat(255)).map(([length, first]) => {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (first + i * 7) & 255
  return bytes
})

const control = fc.record({
  fin: fc.constant(true),
  opcode: fc.constantFrom(ping, pong),
  payload: fc.uint8Array({ minLength: 1, maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
})

/** A message as its frames, with control frames between its fragments. */
const message: fc.Arbitrary<Frame[]> = fc
  .record({
    opcode: fc.constantFrom(text, binary),
    fragments: fc.array(payload, { minLength: 1, maxLength: 4 }),
    between: fc.array(control, { maxLength: 2 }),
  })
  .map(({ opcode, fragments, between }) =>
    fragments.flatMap((bytes, n) => [
      {
        fin: n === fragments.length - 1,
        opcode: n === 0 ? opcode : continuation,
        payload: bytes,
      },
      ...(n < between.length ? [between[n]!] : []),
    ]),
  )

/** What one side says. */
export const talk = fc.record({
  frames: fc.array(message, { maxLength: 6 }).map((messages) => messages.flat()),
  // sizes of the pieces in which the bytes are written, over and over
  pieces: fc.array(
    fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200_000 })),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
})
export type Talk = typeof talk extends fc.Arbitrary<infer T> ? T : never

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Writes a talk in its pieces, with a turn of the event loop after each, but few very small ones. */
export async function say(raw: RawSocket, { frames, pieces }: Talk, during?: (at: number) => void) {
  const all = [...frames, end]
  const bytes = Buffer.concat(all.map((f) => clientFrame(f.opcode, f.payload, { fin: f.fin })))
  let n = 0
  for (let at = 0; at < bytes.length; n++) {
    const length = n < 200 ? pieces[n % pieces.length]! : 100_000
    during?.(at / bytes.length)
    raw.write(bytes.subarray(at, at + length))
    at += length
    await turn()
  }
  during?.(1)
}

const end: Frame = { fin: true, opcode: text, payload: Buffer.from('that was all') }

/** The frames that come, up to the last one of a talk. */
export async function hear(raw: RawSocket): Promise<Frame[]> {
  const heard: Frame[] = []
  for (;;) {
    const frame = await raw.frame()
    if (frame.payload.equals(end.payload)) return heard
    heard.push(frame)
  }
}

const shown = (frames: readonly Frame[]) =>
  frames.map(({ fin, opcode, payload }) => `${opcode}${fin ? '' : ' …'} ${payload.length}`)

/** Fails where they differ in their number, opcodes, fragments or bytes. */
export function expectSame(got: readonly Frame[], wanted: readonly Frame[]): void {
  expect(shown(got)).toEqual(shown(wanted))
  expect(got.every(({ payload }, n) => payload.equals(wanted[n]!.payload))).toBe(true)
}

/**
 * Fails if the data frames differ, if a control frame was not sent, or if one came before data that
 * was sent before it. Not every ping and pong has to pass.
 */
export function expectPassed(got: readonly Frame[], sent: readonly Frame[]): void {
  const isData = (frame: Frame) => !isControl(frame)
  expectSame(got.filter(isData), sent.filter(isData))
  for (const wanted of [ping, pong]) {
    let from = 0
    for (const [n, control] of got.entries()) {
      if (control.opcode !== wanted) continue
      const isIt = ({ opcode, payload }: Frame, at: number) =>
        at >= from && opcode === wanted && payload.equals(control.payload)
      const at = sent.findIndex(isIt)
      expect(at, 'a control frame that was sent').toBeGreaterThanOrEqual(0)
      const before = sent.slice(0, at).filter(isData).length
      expect(got.slice(0, n).filter(isData).length).toBeGreaterThanOrEqual(before)
      from = at + 1
    }
  }
}

export const isControl = ({ opcode }: Frame) => opcode >= ping
