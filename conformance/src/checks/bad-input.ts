import { clientFrame, Opcode } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { badReason, forbidden } from '../forbidden.js'
import { binary } from '../socket.js'

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

/** §9.3: what must not disturb anybody else. */
export const badInputChecks: readonly Check[] = [
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
