import { randomBytes } from 'node:crypto'
import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode, type Frame } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { binary, text, type Message } from '../socket.js'

const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 1024 * 1024]
const kinds = ['text', 'binary'] as const

function ofSize(kind: (typeof kinds)[number], size: number): Message {
  if (kind === 'binary') return binary(randomBytes(size))
  return text(randomBytes(size).toString('hex').slice(0, size))
}

interface Sent {
  opcode: number
  payload: string
  fin: boolean
}

/** Messages as frames, which have to arrive as they are. */
const fragmented: Readonly<Record<string, readonly Sent[]>> = {
  'a text in three': [
    { opcode: 1, payload: 'one ', fin: false },
    { opcode: 0, payload: 'two ', fin: false },
    { opcode: 0, payload: 'three', fin: true },
  ],
  'a binary message with empty fragments': [
    { opcode: 2, payload: '', fin: false },
    { opcode: 0, payload: '', fin: false },
    { opcode: 0, payload: 'content', fin: false },
    { opcode: 0, payload: '', fin: true },
  ],
  'large fragments of different headers': [
    { opcode: 2, payload: 'a'.repeat(70_000), fin: false },
    { opcode: 0, payload: 'b'.repeat(126), fin: false },
    { opcode: 0, payload: 'c'.repeat(125), fin: false },
    { opcode: 0, payload: 'd'.repeat(65_536), fin: true },
  ],
  'fragments with a ping between them': [
    { opcode: 1, payload: 'before', fin: false },
    { opcode: 9, payload: 'ping', fin: true },
    { opcode: 0, payload: 'after', fin: true },
  ],
  'a character that is cut in two': [
    { opcode: 1, payload: '\u00f0\u009f', fin: false },
    { opcode: 0, payload: '\u0090\u009f', fin: true },
  ],
}

const bytesOf = (frames: readonly Sent[]) =>
  Buffer.concat(
    frames.map(({ opcode, payload, fin }) =>
      clientFrame(opcode, Buffer.from(payload, 'latin1'), { fin }),
    ),
  )

/** Takes frames until as many data frames have come; pings of the server's own are left out. */
async function expectFrames(
  raw: { frame(what?: string): Promise<Frame> },
  frames: readonly Sent[],
): Promise<void> {
  for (const [n, { opcode, payload, fin }] of frames.entries()) {
    let frame = await raw.frame(`frame ${n + 1}`)
    while (frame.opcode === Opcode.ping && opcode !== Opcode.ping) {
      frame = await raw.frame(`frame ${n + 1}`)
    }
    same([frame.opcode, frame.fin], [opcode, fin], `opcode and FIN of frame ${n + 1}`)
    same(frame.payload.toString('latin1'), payload, `payload of frame ${n + 1}`)
  }
}

/** §7.5: what passes through a pipe. */
export const pipingChecks: readonly Check[] = [
  ...each(kinds, (kind) =>
    each(sizes, (size) =>
      check(
        '7.5',
        `${size} bytes of ${kind} arrive as they were sent, both ways`,
        async (scene) => {
          const [a, b] = await scene.pair()
          const [there, back] = [ofSize(kind, size), ofSize(kind, size)]
          a.send(there)
          b.send(back)
          await b.expect(there)
          await a.expect(back)
        },
      ),
    ),
  ),

  check('7.5', 'The same passes between clients of signal.v1', async (scene) => {
    const [a, b] = await scene.asking([SUBPROTOCOL])
    await a.message('Paired')
    await b.message('Paired')
    const messages = sizes.flatMap((size) => kinds.map((kind) => ofSize(kind, size)))
    for (const message of messages) a.send(message)
    for (const message of messages) b.send(message)
    await Promise.all([b.expect(...messages), a.expect(...messages)])
  }),

  ...each(Object.entries(fragmented), ([what, frames]) => [
    check('7.5', `Fragments stay the same fragments: ${what}`, async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(bytesOf(frames))
      await expectFrames(b, frames)
      b.write(bytesOf(frames))
      await expectFrames(a, frames)
    }),
  ]),

  check('7.5', 'Frames may come byte by byte', async (scene) => {
    const frames = [
      ...(fragmented['a text in three'] ?? []),
      { opcode: 2, payload: 'x'.repeat(130), fin: true },
      { opcode: 1, payload: '', fin: true },
    ]
    const [a, b] = await scene.rawPair()
    await a.trickle(bytesOf(frames))
    await expectFrames(b, frames)
  }),

  check('7.5', 'Many frames may come in one packet, of which the last is cut', async (scene) => {
    const frames = Array.from({ length: 200 }, (_, n) => ({
      opcode: n % 2 ? 1 : 2,
      payload: `frame ${n}`.repeat(n % 30),
      fin: true,
    }))
    const [a, b] = await scene.rawPair()
    const bytes = bytesOf(frames)
    a.write(bytes.subarray(0, bytes.length - 7))
    await expectFrames(b, frames.slice(0, 199))
    a.write(bytes.subarray(bytes.length - 7))
    await expectFrames(b, frames.slice(199))
  }),

  check('7.5', 'Text that is not UTF-8 passes as it is', async (scene) => {
    const frames = [{ opcode: 1, payload: 'a\u00ff\u00fe\u0000\u0080', fin: true }]
    const [a, b] = await scene.rawPair()
    a.write(bytesOf(frames))
    await expectFrames(b, frames)
  }),

  check('7.5', '5,000 small messages each way arrive in order', async (scene) => {
    const [a, b] = await scene.pair()
    const messages = Array.from({ length: 5_000 }, (_, n) =>
      n % 3 ? text(`message ${n}`) : binary(Buffer.from(`message ${n}`)),
    )
    for (const message of messages) {
      a.send(message)
      b.send(message)
    }
    await Promise.all([a.expect(...messages), b.expect(...messages)])
  }),

  check('7.5', 'A message of 16 MiB passes', async (scene) => {
    const [a, b] = await scene.pair()
    const message = binary(randomBytes(16 * 1024 * 1024))
    a.send(message)
    await b.expect(message)
  }),

  check('7.5', 'A reader that pauses loses nothing', async (scene) => {
    const [a, b] = await scene.pair()
    b.ws.pause()
    const messages = Array.from({ length: 300 }, (_, n) => binary(new Uint8Array(65_536).fill(n)))
    for (const message of messages) a.send(message)
    await pass(300)
    b.ws.resume()
    await b.expect(...messages)
    b.send(text('all there'))
    await a.expect(text('all there'))
  }),

  check('7.5', 'A reader that pauses does not slow the other way', async (scene) => {
    const [a, b] = await scene.pair()
    b.ws.pause()
    for (let n = 0; n < 300; n++) a.send(binary(new Uint8Array(65_536).fill(n)))
    b.send(text('the other way'))
    await a.expect(text('the other way'))
  }),

  check(
    '7.5',
    'A reader that reads nothing for 120 s is disconnected, its sender gets 4408',
    async (scene) => {
      const [a, b] = await scene.pair()
      b.ws.pause()
      for (let n = 0; n < 500; n++) a.send(binary(new Uint8Array(65_536)))
      same((await a.closed('the close', 130_000)).code, 4408, 'close code')
    },
    { slow: true },
  ),
]
