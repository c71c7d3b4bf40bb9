import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { clientClose, clientFrame, Opcode } from '../frames.js'
import { binary, text } from '../socket.js'

/** Frames that RFC 6455 forbids, each as the bytes of a client; ended by what it says itself. */
const forbidden: Readonly<Record<string, Buffer>> = {
  'RSV1 without an extension': clientFrame(Opcode.text, 'x', { rsv: 4 }),
  RSV2: clientFrame(Opcode.text, 'x', { rsv: 2 }),
  RSV3: clientFrame(Opcode.text, 'x', { rsv: 1 }),
  'RSV1 on a ping': clientFrame(Opcode.ping, 'x', { rsv: 4 }),
  'the reserved opcode 3': clientFrame(3, 'x'),
  'the reserved opcode 7': clientFrame(7, 'x'),
  'the reserved opcode 11': clientFrame(11, 'x'),
  'the reserved opcode 15': clientFrame(15, 'x'),
  'no mask': clientFrame(Opcode.text, 'x', { masked: false }),
  'no mask on a ping': clientFrame(Opcode.ping, 'x', { masked: false }),
  'no mask on a close': clientFrame(Opcode.close, '', { masked: false }),
  'a fragmented ping': clientFrame(Opcode.ping, 'x', { fin: false }),
  'a fragmented close': clientFrame(Opcode.close, '', { fin: false }),
  'a ping of 126 bytes': clientFrame(Opcode.ping, 'x'.repeat(126)),
  'a pong of 65,536 bytes': clientFrame(Opcode.pong, 'x'.repeat(65_536)),
  'a close of 126 bytes': clientClose(1000, 'x'.repeat(124)),
  'a continuation of nothing': clientFrame(Opcode.continuation, 'x'),
  'a message inside of another': Buffer.concat([
    clientFrame(Opcode.text, 'x', { fin: false }),
    clientFrame(Opcode.text, 'y'),
  ]),
  'a close of one byte': clientFrame(Opcode.close, 'x'),
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) => [
      `the close code ${code}`,
      clientClose(code),
    ]),
  ),
}

/** Wrong lengths, which a session may find too long before it finds them wrong. */
const lengths: Readonly<Record<string, Buffer>> = {
  'a 64-bit length with its top bit set': clientFrame(Opcode.binary, 'x', {
    claimedLength: 0x8000_0000_0000_0001n,
    lengthBits: 64,
  }),
  'a length of 125 in 16 bits': clientFrame(Opcode.text, 'x'.repeat(125), { lengthBits: 16 }),
  'a length of 65,535 in 64 bits': clientFrame(Opcode.text, 'x'.repeat(65_535), { lengthBits: 64 }),
}

const badReason = clientClose(1000, Buffer.from([0x66, 0xff, 0xfe]))

const garbage: Readonly<Record<string, Buffer>> = {
  'no HTTP': Buffer.from('hello\r\n\r\n'),
  'a TLS hello': Buffer.from('16030100a5010000a10303', 'hex'),
  zeros: Buffer.alloc(1_000),
  'a WebSocket frame': clientFrame(Opcode.text, 'x'),
  'HTTP/2': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  'two lengths': Buffer.from(
    'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
  ),
}

const hostile = { hostile: true }

/** §7.8 and §9.3: frames that RFC 6455 forbids, and worse. */
export const forbiddenFrameChecks: readonly Check[] = [
  ...each(Object.entries({ ...forbidden, ...lengths }), ([what, bytes]) => [
    check(
      '7.8',
      `In a pipe, ${what} gets 1002, and the other side 4410`,
      async (scene) => {
        const [a, b] = await scene.rawPair()
        a.write(clientFrame(Opcode.text, 'before'))
        same((await b.dataFrame()).payload.toString(), 'before', 'message before it')
        a.write(bytes)
        same(await a.closeCode(), 1002, 'close code of the sender')
        same(await b.closeCode(), 4410, 'close code of the other side')
        await a.ended
      },
      hostile,
    ),
    check(
      '7.8',
      `In a hold, ${what} gets 1002`,
      async (scene) => {
        const { first, second, unique } = scene
        const [a, b, key] = [unique('a'), unique('b'), unique('key')]
        const raw = await first.connectRaw(a, b, key)
        raw.write(bytes)
        same(await raw.closeCode(), 1002, 'close code')
        await raw.ended
        const [again, atB] = [await first.connect(a, b, key), await second.connect(b, a, key)]
        again.send(text('new'))
        await atB.expect(text('new'))
      },
      hostile,
    ),
  ]),

  check(
    '7.8',
    'A close reason that is not UTF-8 gets 1007, and the other side 4410',
    async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(badReason)
      same(await a.closeCode(), 1007, 'close code of the sender')
      same(await b.closeCode(), 4410, 'close code of the other side')
    },
    hostile,
  ),

  check(
    '7.8',
    'What came before a forbidden frame is delivered',
    async (scene) => {
      const [a, b] = await scene.rawPair()
      const good = Array.from({ length: 20 }, (_, n) => clientFrame(Opcode.text, `message ${n}`))
      a.write(Buffer.concat([...good, clientFrame(3, 'bad'), clientFrame(Opcode.text, 'after')]))
      for (let n = 0; n < 20; n++) {
        same((await b.dataFrame()).payload.toString(), `message ${n}`, 'message')
      }
      same(await b.closeCode(), 4410, 'close code of the other side')
      same(await a.closeCode(), 1002, 'close code of the sender')
    },
    hostile,
  ),

  ...each(Object.entries(forbidden), ([what, bytes]) =>
    check(
      '9.3',
      `In a session, ${what} gets 1002`,
      async (scene) => {
        const raw = await scene.first.introduceRaw(scene.unique(), scene.unique('key'))
        raw.write(bytes)
        same(await raw.closeCode(), 1002, 'close code')
        raw.end()
        await raw.ended
      },
      hostile,
    ),
  ),

  ...each(Object.entries(garbage), ([what, bytes]) =>
    check(
      '9.3',
      `A connection that begins with garbage (${what}) harms nobody`,
      async ({ first }) => {
        const raw = await first.raw()
        raw.write(bytes)
        raw.end()
        await raw.ended
      },
      hostile,
    ),
  ),

  ...each(['/', '/nothing-of-the-kind', '/introduction/'], (path) =>
    check(
      '9.3',
      `A forbidden frame behind an upgrade of ${path} harms nobody`,
      async ({ first }) => {
        const { raw } = await first.knock(first.target(path))
        raw.write(forbidden['the reserved opcode 3']!)
        raw.write(badReason)
        raw.end()
        await raw.ended
      },
      hostile,
    ),
  ),

  check(
    '9.3',
    'Sockets that are reset at every moment of their handshake harm nobody',
    async (scene) => {
      const { first, unique } = scene
      for (const path of [`/introduction/${unique()}`, `/connection/${unique()}/b/k`]) {
        for (let n = 0; n < 10; n++) {
          const raw = await first.raw()
          raw.write(`GET ${first.target(path)} HTTP/1.1\r\nHost: ${first.host}\r\n`)
          if (n % 2) raw.write('Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version')
          if (n % 3) await new Promise((resolve) => setImmediate(resolve))
          raw.reset()
        }
        const whole = await Promise.all(Array.from({ length: 10 }, () => first.upgrade(path)))
        for (const raw of whole) raw.reset()
      }
    },
    hostile,
  ),

  check(
    '9.3',
    'Random bytes on each endpoint harm nobody',
    async (scene) => {
      const { first, unique } = scene
      let seed = 1
      const random = () => (seed = (seed * 48_271) % 0x7fff_ffff)
      for (let n = 0; n < 60; n++) {
        const id = unique()
        const raw = await first.upgrade(n % 2 ? `/introduction/${id}` : `/connection/${id}/b/k`)
        raw.write(Buffer.from(Array.from({ length: 1 + (random() % 40) }, () => random() & 0xff)))
        raw.end()
        await raw.ended
      }
    },
    hostile,
  ),

  check(
    '9.3',
    'Sockets that are cut while they are piped harm nobody',
    async (scene) => {
      for (let n = 0; n < 10; n++) {
        const [a, b] = await scene.pair()
        for (let m = 0; m < 20; m++) a.send(binary(new Uint8Array(10_000)))
        b.ws.terminate()
        a.ws.terminate()
      }
    },
    hostile,
  ),
]
