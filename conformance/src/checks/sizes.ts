import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import type { Participant } from '../participant.js'
import { text } from '../socket.js'

const v1 = SUBPROTOCOL
const maxMessage = 512 * 1024

/** A message of so many bytes that a server ignores. */
function padded(bytes: number): string {
  const empty = JSON.stringify({ type: 'Ignored', padding: '' })
  return JSON.stringify({ type: 'Ignored', padding: 'x'.repeat(bytes - empty.length) })
}

/**
 * Sees that one is introduced to another with these keys and no other; more than once is fine, as
 * where a Join takes so long that another one comes in the middle of it.
 */
async function expectKeys(
  participant: Participant,
  other: { id: string },
  ...keys: string[]
): Promise<void> {
  for (const missing = new Set(keys); missing.size > 0;) {
    const introduced = await participant.introducedTo(other)
    same(
      introduced.filter((key) => !keys.includes(key)),
      [],
      'keys that were not expected',
    )
    for (const key of introduced) missing.delete(key)
  }
}

/** §9.1: sizes and numbers. */
export const sizeChecks: readonly Check[] = [
  check('9.1', 'A v0 Join of 1,000 keys of 64 characters is accepted', async (scene) => {
    const { first, second, unique } = scene
    const keys = Array.from({ length: 1_000 }, (_, n) => `${n}-${unique()}`.padEnd(64, 'x'))
    const alice = await first.peer('v0', unique('alice'), ...keys)
    const bob = await second.peer('any', unique('bob'), keys[0]!, keys[999]!)
    await expectKeys(bob, alice, keys[0]!, keys[999]!)
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
      await expectKeys(bob, alice, ...keys)
    }),
  ),

  check(
    '9.1',
    'The 5,001st key is too_many_keys, and nothing of its Join is done',
    async (scene) => {
      const { first, second, unique } = scene
      const keys = Array.from({ length: 4_999 }, (_, n) => `${n}-${unique()}`)
      const [k1, k2] = [unique('k1'), unique('k2')]
      const alice = await first.peer(v1, unique('alice'), ...keys)
      alice.join(k1, k2)
      const error = await alice.next('Error')
      same([error.code, error.keys], ['too_many_keys', [k1, k2]], 'error code and keys')
      const bob = await second.introduction(unique('bob'), 'any')
      bob.join(k1, k2, keys[5]!)
      await bob.expectIntroduction(alice, keys[5]!)
      // there is room for one, and for those that are joined already
      alice.join(k1, ...keys.slice(0, 900))
      await expectKeys(bob, alice, k1, keys[5]!)
    },
  ),

  check('9.1', 'A key that was left makes room for another', async (scene) => {
    const { first, second, unique } = scene
    const keys = Array.from({ length: 5_000 }, (_, n) => `${n}-${unique()}`)
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
      const signal = JSON.stringify({ type: 'Signal', to: id, signal: 'x'.repeat(400_000) })
      let gone = false
      const departure = alice.next('Departure', 30_000).finally(() => (gone = true))
      departure.catch(() => {})
      // the kernels, and a proxy between, keep tens of megabytes before the server has to
      for (let n = 0; n < 250 && !gone; n++) {
        await new Promise((sent) => alice.socket.ws.send(signal, sent))
      }
      await departure
      deaf.socket.resume()
      same(await deaf.closeCode(), 1013, 'close code')
    },
    { hostile: true },
  ),

  check(
    '9.1',
    'The 1,001st peer of a key gets room_full, and is joined to the other keys',
    async (scene) => {
      const { first, second, unique } = scene
      const [full, key] = [unique('full'), unique('key')]
      const witness = await first.peer('any', unique('witness'), full)
      for (let n = 1; n < 1_000; n++) {
        const raw = await first.introduceRaw(unique('peer'), full)
        // who reads a million introductions has nothing else to do
        raw.socket.pause()
      }
      const seen = new Set<string>()
      while (seen.size < 999) {
        const message = await witness.socket.message(`introduction ${seen.size + 1} of 999`)
        seen.add(witness.dialect.introduction(message)?.id ?? '')
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
