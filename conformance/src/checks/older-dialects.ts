import { SUBPROTOCOL } from 'signal-server-protocol'
import { check, each, type Check } from '../check.js'
import { dialects, OLDER, packed, type DialectName } from '../dialects.js'
import { same } from '../failure.js'
import type { Participant } from '../participant.js'
import type { Scene } from '../scene.js'
import { binary, text, type Message } from '../socket.js'
import { expectStrangers } from '../strangers.js'

const json = (value: unknown): Message => text(JSON.stringify(value))

/** Messages that fit no older dialect, whichever the session speaks. */
const bad: Readonly<Record<string, Message>> = {
  'text that is no JSON': text('{"type":"Join"'),
  'an empty text': text(''),
  'the JSON null': text('null'),
  'a JSON array': json(['Join']),
  'a JSON number': text('42'),
  'an object that says nothing': json({}),
  'a text Join without keys': json({ type: 'Join' }),
  'documentIds without a type': json({ documentIds: ['k'] }),
  'documentIds that are no list': json({ type: 'Leave', documentIds: 'k' }),
  'a Leave that is no list': json({ type: 'Leave', leave: { 0: 'k' } }),
  'an empty binary message': binary([]),
  'bytes that are no MessagePack': binary([0xc1]),
  'the MessagePack nil': packed(null),
  'a MessagePack array': packed(['Join']),
  'a MessagePack Join without keys': packed({ type: 'Join' }),
  'a MessagePack Leave without keys': packed({ type: 'Leave' }),
  'MessagePack that ends too early': binary([0x82, 0xa4, 0x74]),
  'MessagePack that claims four billion items': binary([0xdd, 0xff, 0xff, 0xff, 0xff]),
  'MessagePack nested 10,000 deep': binary(new Uint8Array(10_000).fill(0x91)),
  'JSON nested 10,000 deep': text('['.repeat(10_000)),
  'a key __proto__ that is an object': text('{"__proto__":{"join":["k"]}}'),
}

async function speaks(scene: Scene, participant: Participant, dialect: DialectName) {
  const key = scene.unique('key')
  const bob = await scene.second.peer('any', scene.unique('bob'), key)
  participant.socket.send(dialects[dialect].join([key]))
  const message = await participant.socket.message('an introduction')
  same(dialects[dialect].introduction(message), { id: bob.id, keys: [key] }, 'introduction')
}

/** §5: what clients of older generations show and get. */
export const olderDialectChecks: readonly Check[] = [
  ...each(OLDER, (dialect) => [
    check('5.1', `A ${dialect} client is known by its first message`, async (scene) => {
      const client = await scene.first.introduction(scene.unique(), dialect)
      await speaks(scene, client, dialect)
    }),

    check(
      '5.1',
      `A ${dialect} client is known after a message that says nothing`,
      async (scene) => {
        const client = await scene.first.introduction(scene.unique(), dialect)
        client.socket.send(text('nonsense'))
        await speaks(scene, client, dialect)
      },
    ),

    check('5.5', `A bad message of a ${dialect} client is met with silence`, async (scene) => {
      const { first, unique } = scene
      const alice = await first.peer(dialect, unique('alice'), unique('key'))
      for (let n = 0; n < 9; n++) alice.socket.send(dialect === 'v4' ? packed(n) : text('nonsense'))
      // whatever is no introduction fails here
      await expectStrangers(scene, alice)
    }),

    check('5.5', `The tenth bad message of a ${dialect} client closes with 4400`, async (scene) => {
      const { first, unique } = scene
      const alice = await first.peer(dialect, unique('alice'), unique('key'))
      for (let n = 0; n < 10; n++) {
        alice.socket.send(dialect === 'v4' ? packed(n) : text('nonsense'))
      }
      same((await alice.socket.closed()).code, 4400, 'close code')
      same(alice.socket.take(), [], 'messages')
    }),

    check('5', `A ${dialect} session gets nothing but introductions`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const old = await first.peer(dialect, unique('old'), key)
      const bob = await second.peer(SUBPROTOCOL, unique('bob'), key)
      await old.expectIntroduction(bob, key)
      await bob.introducedTo(old)
      bob.socket.send({ type: 'Announce', info: { name: 'Bob' } })
      bob.socket.send({ type: 'Signal', to: old.id, signal: 'hello' })
      bob.leave(key)
      bob.join(key)
      await old.expectIntroduction(bob, key)
      await bob.socket.close(1000)
      await expectStrangers(scene, old)
    }),

    ...each(dialects[dialect].heartbeats, (heartbeat) =>
      check(
        dialect === 'v3' ? '5.3' : '5.4',
        `The heartbeat ${shown(heartbeat)} is accepted`,
        (scene) => heartbeats(scene, dialect, heartbeat),
      ),
    ),
  ]),

  check('5', 'Nothing is sent to an older client before its first message', async (scene) => {
    const { socket } = await scene.first.introduction(scene.unique(), 'v0')
    await socket.settled()
    same(socket.take(), [], 'messages')
  }),

  ...each(['v0', 'v3'] as const, (dialect) =>
    check('5.1', `A text Heartbeat leaves open that the client is ${dialect}`, async (scene) => {
      const client = await scene.first.introduction(scene.unique(), dialect)
      client.socket.send({ type: 'Heartbeat' })
      await speaks(scene, client, dialect)
    }),
  ),

  ...each([{}, { type: 'Leave' }, { type: 'join' }, { type: 7, extra: null }], (fields) =>
    check(
      '5.2',
      `A v0 Join is one whatever else it says: ${JSON.stringify(fields)}`,
      async (scene) => {
        const { first, second, unique } = scene
        const key = unique('key')
        const bob = await second.peer('any', unique('bob'), key)
        const alice = await first.introduction(unique('alice'), 'v0')
        alice.socket.send({ ...fields, join: [key] })
        await alice.expectIntroduction(bob, key)
      },
    ),
  ),

  check('5.2', 'A v0 message with "join" and "leave" joins first', async (scene) => {
    const { first, second, unique } = scene
    const [k1, k2] = [unique('k1'), unique('k2')]
    const alice = await first.introduction(unique('alice'), 'v0')
    alice.socket.send({ leave: [k1], join: [k1, k2] })
    await alice.settled()
    const bob = await second.peer('any', unique('bob'), k1, k2)
    await alice.expectIntroduction(bob, k2)
  }),

  check('5.5', 'A v0 Join beyond a limit is met with silence, and joins nothing', async (scene) => {
    const { first, unique } = scene
    const key = unique('key')
    const alice = await first.introduction(unique('alice'), 'v0')
    alice.join(key, 'k'.repeat(257))
    const bob = await scene.second.peer('any', unique('bob'), key)
    await expectStrangers(scene, alice, bob)
  }),

  ...each(Object.entries(bad), ([what, message]) =>
    check(
      '5.5',
      `As a first message, ${what} does no harm`,
      async (scene) => {
        const client = await scene.first.introduction(scene.unique(), 'v3')
        client.socket.send(message)
        await speaks(scene, client, 'v3')
      },
      { hostile: true },
    ),
  ),
]

async function heartbeats(scene: Scene, dialect: DialectName, heartbeat: Message): Promise<void> {
  const { first, unique } = scene
  const alice = await first.peer(dialect, unique('alice'), unique('key'))
  for (let n = 0; n < 20; n++) alice.socket.send(heartbeat)
  await alice.settled()
  same(alice.socket.take(), [], 'messages')
  await expectStrangers(scene, alice)
}

function shown(message: Message): string {
  if (!message.binary) return message.data.toString()
  return message.data.includes('❤️') ? 'MessagePack ❤️' : 'MessagePack Heartbeat'
}
