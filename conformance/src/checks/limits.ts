import { SUBPROTOCOL } from 'signal-protocol'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'
import { clientFrame, Opcode } from '../frames.js'
import { text } from '../socket.js'

const v1 = SUBPROTOCOL
const maxMessage = 512 * 1024

/** A message of so many bytes that a server ignores. */
function padded(bytes: number): string {
  const empty = JSON.stringify({ type: 'Ignored', padding: '' })
  return JSON.stringify({ type: 'Ignored', padding: 'x'.repeat(bytes - empty.length) })
}

/** §8 and §9: keeping alive, sizes, numbers and rates. */
export const limitChecks: readonly Check[] = [
  ...each(['/introduction', '/connection'] as const, (endpoint) => [
    check(
      '8',
      `A silent socket on ${endpoint} is pinged, and given up when it does not answer`,
      async (scene) => {
        const id = scene.unique()
        const path = endpoint === '/introduction' ? `${endpoint}/${id}` : `${endpoint}/${id}/b/k`
        const raw = await scene.first.upgrade(path, {
          headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL },
        })
        let ping = await raw.frame('a ping', 26_000)
        while (ping.opcode !== Opcode.ping) ping = await raw.frame('a ping', 26_000)
        const again = await raw.ended
        same(again, undefined, 'the end of the connection')
      },
      { slow: true },
    ),
    check(
      '8',
      `A socket on ${endpoint} that answers pings stays`,
      async (scene) => {
        const id = scene.unique()
        const path = endpoint === '/introduction' ? `${endpoint}/${id}` : `${endpoint}/${id}/b/k`
        const socket = await scene.first.socket(path)
        const pings = new Promise<void>((resolve) => {
          let count = 0
          socket.ws.on('ping', () => ++count === 3 && resolve())
        })
        await Promise.race([
          pings,
          socket.closed('the third ping', 90_000).then(({ code }) => {
            must(false, `it was closed with ${code}`)
          }),
        ])
      },
      { slow: true },
    ),
  ]),

  check('8', 'A session answers pings', async (scene) => {
    const raw = await scene.first.upgrade(`/introduction/${scene.unique()}`)
    raw.write(clientFrame(Opcode.ping, 'hello'))
    const { opcode, payload } = await raw.frame('a pong')
    same([opcode, payload.toString()], [Opcode.pong, 'hello'], 'pong')
  }),

  check('9.1', 'A v0 Join of 1,000 keys of 64 characters is accepted', async (scene) => {
    const { first, second, unique } = scene
    const keys = Array.from({ length: 1_000 }, (_, n) => `${n}-${unique()}`.padEnd(64, 'x'))
    const alice = await first.peer('v0', unique('alice'), ...keys)
    const bob = await second.peer('any', unique('bob'), keys[0]!, keys[999]!)
    await bob.expectIntroduction(alice, keys[0]!, keys[999]!)
  }),

  ...each(['v3', 'v4'] as const, (dialect) =>
    check('9.1', `300 ${dialect} Joins at once are accepted`, async (scene) => {
      const { first, second, unique } = scene
      const keys = Array.from({ length: 300 }, (_, n) => unique(`key${n}`))
      const alice = await first.introduction(unique('alice'), dialect)
      for (const key of keys) alice.join(key)
      const bob = await second.peer(dialect, unique('bob'), ...keys)
      await alice.settled()
      bob.join(...keys)
      for (const missing = new Set(keys); missing.size > 0;) {
        for (const key of await bob.introducedTo(alice)) missing.delete(key)
      }
    }),
  ),

  check(
    '9.1',
    'The 1,001st key is too_many_keys, and nothing of its Join is done',
    async (scene) => {
      const { first, second, unique } = scene
      const keys = Array.from({ length: 999 }, (_, n) => `${n}-${unique()}`)
      const [k1, k2] = [unique('k1'), unique('k2')]
      const alice = await first.peer(v1, unique('alice'), ...keys)
      alice.join(k1, k2)
      same((await alice.next('Error')).code, 'too_many_keys', 'error code')
      const bob = await second.introduction(unique('bob'), 'any')
      bob.join(k1, k2, keys[5]!)
      await bob.expectIntroduction(alice, keys[5]!)
      // there is room for one, and for those that are joined already
      alice.join(k1, ...keys)
      await bob.expectIntroduction(alice, k1, keys[5]!)
    },
  ),

  check('9.1', 'A key that was left makes room for another', async (scene) => {
    const { first, second, unique } = scene
    const keys = Array.from({ length: 1_000 }, (_, n) => `${n}-${unique()}`)
    const alice = await first.peer(v1, unique('alice'), ...keys)
    const key = unique('key')
    alice.leave(keys[0]!)
    alice.join(key)
    await alice.settled()
    const bob = await second.peer('any', unique('bob'), key, keys[0]!)
    await bob.expectIntroduction(alice, key)
  }),

  check('9.1', 'A key of 256 bytes is accepted, one of 257 is key_too_long', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('é').padEnd(255, 'x')
    const alice = await first.introduction(unique('alice'), v1)
    same(Buffer.byteLength(key), 256, 'bytes')
    alice.join(key)
    alice.join(unique('key'), `${key}x`)
    same((await alice.next('Error')).code, 'key_too_long', 'error code')
    const bob = await second.peer('any', unique('bob'), key)
    await bob.expectIntroduction(alice, key)
  }),

  check('9.1', 'A message of 512 KiB is accepted, a longer one closes with 1009', async (scene) => {
    const alice = await scene.first.introduction(scene.unique(), v1)
    alice.socket.send(padded(maxMessage))
    await alice.settled()
    alice.socket.send(padded(maxMessage + 1))
    same((await alice.socket.closed()).code, 1009, 'close code')
  }),

  check('9.1', 'Fragments together may not be longer either', async (scene) => {
    const { socket } = await scene.first.introduction(scene.unique(), 'any')
    for (let n = 0; n < 9; n++) socket.ws.send('x'.repeat(65_536), { fin: false })
    same((await socket.closed()).code, 1009, 'close code')
  }),

  check(
    '9.1',
    'A frame that only claims to be long closes with 1009',
    async (scene) => {
      const raw = await scene.first.introduceRaw(scene.unique(), scene.unique('key'))
      raw.write(clientFrame(Opcode.text, 'x', { claimedLength: 1n << 40n, lengthBits: 64 }))
      same(await raw.closeCode(), 1009, 'close code')
    },
    { hostile: true },
  ),

  check('9.1', 'Info of 1,024 bytes is accepted, more is info_too_big', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(v1, unique('alice'), key)
    const info = 'é'.repeat(511)
    same(Buffer.byteLength(JSON.stringify(info)), 1_024, 'bytes')
    alice.socket.send({ type: 'Announce', info })
    alice.socket.send({ type: 'Announce', info: `${info}x` })
    same((await alice.next('Error')).code, 'info_too_big', 'error code')
    const bob = await second.peer(v1, unique('bob'), key)
    same((await bob.next('Introduction')).info, info, 'info')
  }),

  check(
    '9.1',
    'A session that does not read is closed with 1013',
    async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('deaf'), unique('key')]
      const alice = await first.peer(v1, unique('alice'), key)
      const deaf = await second.upgrade(`/introduction/${id}`, {
        headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL },
      })
      deaf.write(clientFrame(Opcode.text, JSON.stringify({ type: 'Join', join: [key] })))
      await alice.introducedTo({ id })
      deaf.socket.pause()
      const signal = 'x'.repeat(400_000)
      for (let n = 0; n < 40; n++) alice.socket.send({ type: 'Signal', to: id, signal })
      await alice.next('Departure')
      deaf.socket.resume()
      same(await deaf.closeCode(), 1013, 'close code')
    },
    { hostile: true },
  ),

  check('9.2', '2,000 keys at once are served without delay', async (scene) => {
    const { first, second, unique } = scene
    const alice = await first.introduction(unique('alice'), 'any')
    const key = unique('key')
    for (let n = 0; n < 1_000; n++) {
      if (n > 0) alice.leave(`key ${n - 1}`)
      alice.join(n < 999 ? `key ${n}` : key)
    }
    const bob = await second.introduction(unique('bob'), 'any')
    await alice.settled()
    bob.join(key)
    await bob.expectIntroduction(alice, key)
  }),

  check('9.2', '100 other messages at once are served without delay', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(v1, unique('alice'), key)
    const bob = await second.peer(v1, unique('bob'), key)
    await alice.introducedTo(bob)
    const since = performance.now()
    for (let n = 0; n < 90; n++) alice.socket.send({ type: 'Signal', to: bob.id, signal: n })
    for (let n = 0; n < 90; n++) await bob.next('Signal')
    must(performance.now() - since < 2_000, 'they took more than 2 s')
  }),

  check('9.2', 'A client that is faster is read more slowly, and loses nothing', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(v1, unique('alice'), key)
    const bob = await second.peer(v1, unique('bob'), key)
    await alice.introducedTo(bob)
    const since = performance.now()
    for (let n = 0; n < 160; n++) alice.socket.send({ type: 'Signal', to: bob.id, signal: n })
    for (let n = 0; n < 160; n++) same((await bob.next('Signal')).signal, n, 'signal')
    must(performance.now() - since > 1_500, 'it was not slowed')
  }),

  check(
    '9.2',
    'A client that is slowed for 60 s without pause is closed with 4429',
    async (scene) => {
      const alice = await scene.first.introduction(scene.unique(), v1)
      const flood = setInterval(() => {
        for (let n = 0; n < 20; n++) alice.socket.send({ type: 'Ignored' })
      }, 100)
      try {
        const { code } = await alice.socket.closed('the close', 120_000)
        same(code, 4429, 'close code')
      } finally {
        clearInterval(flood)
      }
    },
    { slow: true },
  ),

  check(
    '9.1',
    'The 1,001st peer of a key gets room_full, and is joined to the other keys',
    async (scene) => {
      const { first, second, unique } = scene
      const [full, key] = [unique('full'), unique('key')]
      for (let n = 0; n < 1_000; n += 50) {
        await Promise.all(
          Array.from({ length: 50 }, () => first.introduceRaw(unique('peer'), full)),
        )
      }
      const bob = await second.peer('any', unique('bob'), key)
      const alice = await first.introduction(unique('alice'), v1)
      alice.socket.send(text(JSON.stringify({ type: 'Join', join: [full, key] })))
      const error = await alice.next('Error')
      same([error.code, error.keys], ['room_full', [full]], 'error code and keys')
      await alice.expectIntroduction(bob, key)
    },
    { slow: true },
  ),
]
