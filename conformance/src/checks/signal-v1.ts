import { SUBPROTOCOL, type Json } from 'signal-protocol'
import { check, each, type Check } from '../check.js'
import { OLDER } from '../dialects.js'
import { must, same } from '../failure.js'
import { clientFrame, Opcode } from '../frames.js'
import type { Participant } from '../participant.js'
import type { Scene } from '../scene.js'
import { binary, text, type Message } from '../socket.js'

const v1 = SUBPROTOCOL
const json = (value: unknown): Message => text(JSON.stringify(value))

const bad: Readonly<Record<string, Message>> = {
  'no JSON': text('{"type":'),
  'an empty text': text(''),
  null: text('null'),
  'an array': json([{ type: 'Join', join: ['k'] }]),
  'a number': text('7'),
  'a string': json('Join'),
  'an object without a type': json({ join: ['k'] }),
  'a type that is a number': json({ type: 1 }),
  'a type that is null': json({ type: null }),
  'a Join without a list': json({ type: 'Join' }),
  'a Join whose list is a string': json({ type: 'Join', join: 'k' }),
  'a Join whose list is an object': json({ type: 'Join', join: { length: 1, 0: 'k' } }),
  'a Join of a number': json({ type: 'Join', join: [1] }),
  'a Join of an empty key': json({ type: 'Join', join: [''] }),
  'a Leave without a list': json({ type: 'Leave' }),
  'a Leave of null': json({ type: 'Leave', leave: [null] }),
  'an Announce without info': json({ type: 'Announce' }),
  'a Signal without a receiver': json({ type: 'Signal', signal: 1 }),
  'a Signal to a number': json({ type: 'Signal', to: 5, signal: 1 }),
  'a Signal without a signal': json({ type: 'Signal', to: 'x' }),
}

const values: readonly Json[] = [
  null,
  false,
  0,
  -1.5e300,
  '',
  'a\u0000b\u2028🐟',
  [],
  {},
  [[[]], { a: [null] }],
  { type: 'Join', join: ['x'], from: 'somebody', to: 'nobody' },
  JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Json,
]

/** Two peers that speak `signal.v1`, share a key and have been introduced. */
async function acquainted(scene: Scene): Promise<[Participant, Participant, string]> {
  const key = scene.unique('key')
  const alice = await scene.first.peer(v1, scene.unique('alice'), key)
  const bob = await scene.second.peer(v1, scene.unique('bob'), key)
  await alice.introducedTo(bob)
  await bob.introducedTo(alice)
  return [alice, bob, key]
}

async function expectError(participant: Participant, code: string, about?: object): Promise<void> {
  const error = await participant.next('Error')
  same(error.code, code, 'error code')
  must(typeof error.message === 'string' && error.message !== '', 'the error has no sentence')
  for (const [field, value] of Object.entries(about ?? {})) {
    same(error[field as 'keys' | 'id'], value, `"${field}" of the error`)
  }
}

/** §6: the dialect `signal.v1`. */
export const signalV1Checks: readonly Check[] = [
  ...each(Object.entries(bad), ([what, message]) =>
    check(
      '6.1',
      `A bad message (${what}) is answered with bad_message, and nothing of it is done`,
      async (scene) => {
        const [alice, bob, key] = await acquainted(scene)
        alice.socket.send(message)
        await expectError(alice, 'bad_message')
        bob.join(key)
        await bob.expectIntroduction(alice, key)
      },
      { hostile: true },
    ),
  ),

  check('6.1', 'The tenth bad message closes the session with 4400', async (scene) => {
    const alice = await scene.first.introduction(scene.unique(), v1)
    for (let n = 0; n < 9; n++) alice.socket.send('nonsense')
    for (let n = 0; n < 9; n++) await expectError(alice, 'bad_message')
    await alice.settled()
    alice.socket.send('nonsense')
    const { code, reason } = await alice.socket.closed()
    same(code, 4400, 'close code')
    must(reason !== '', 'the close has no sentence')
  }),

  check('6.1', 'Unknown types are ignored, and not answered', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    for (let n = 0; n < 20; n++) alice.socket.send({ type: `Unknown${n}`, join: 5, to: {} })
    alice.socket.send({ type: 'Heartbeat' })
    alice.socket.send({ type: '__proto__' })
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 'after' })
    same((await bob.next('Signal')).signal, 'after', 'signal')
    same(alice.messages(), [], 'messages')
  }),

  check('6.1', 'Unknown fields are ignored', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    const key = scene.unique('key')
    alice.socket.send({ type: 'Join', join: [key], leave: 5, documentIds: {}, future: [1] })
    bob.socket.send({ future: { a: 1 }, type: 'Join', join: [key] })
    await alice.expectIntroduction(bob, key)
  }),

  check('6.1', 'A binary message closes the session with 1003', async (scene) => {
    const alice = await scene.first.introduction(scene.unique(), v1)
    alice.socket.send(binary(Buffer.from('{"type":"Join","join":[]}')))
    same((await alice.socket.closed()).code, 1003, 'close code')
  }),

  check(
    '6.1',
    'Text that is not UTF-8 closes the session with 1007',
    async (scene) => {
      const raw = await scene.first.upgrade(`/introduction/${scene.unique()}`)
      raw.write(clientFrame(Opcode.text, Buffer.from([0x7b, 0xff, 0x7d])))
      same(await raw.closeCode(), 1007, 'close code')
    },
    { hostile: true },
  ),

  check('6.4', 'An Announce is shown to those who share a key, as an Update', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    const info = { name: 'Alice', can: ['webrtc'] }
    alice.socket.send({ type: 'Announce', info })
    same(await bob.next('Update'), { type: 'Update', id: alice.id, info }, 'Update')
  }),

  check('6.4', 'An Announce is shown to nobody else, and not to its sender', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    const stranger = await scene.second.peer(v1, scene.unique(), scene.unique('other key'))
    stranger.messages()
    alice.socket.send({ type: 'Announce', info: 1 })
    await bob.next('Update')
    await alice.settled()
    await stranger.settled()
    same(alice.messages(), [], 'messages to the sender')
    same(stranger.messages(), [], 'messages to a stranger')
  }),

  check('6.4', 'An Announce before the first Join is part of the Introduction', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.introduction(unique('alice'), v1)
    alice.socket.send({ type: 'Announce', info: ['early'] })
    alice.join(key)
    await alice.settled()
    const bob = await second.peer(v1, unique('bob'), key)
    const introduction = await bob.next('Introduction')
    same(introduction, { type: 'Introduction', id: alice.id, keys: [key], info: ['early'] }, 'it')
    const back = await alice.next('Introduction')
    same(back, { type: 'Introduction', id: bob.id, keys: [key] }, 'the one back')
  }),

  check('6.4', 'The info null is a value like any other', async (scene) => {
    const [alice, bob, key] = await acquainted(scene)
    alice.socket.send({ type: 'Announce', info: null })
    same(await bob.next('Update'), { type: 'Update', id: alice.id, info: null }, 'Update')
    bob.join(key)
    same((await bob.next('Introduction')).info, null, 'info')
  }),

  check('6.4', 'Info lasts as long as its session', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('alice'), unique('key')]
    const before = await first.peer(v1, id, key)
    before.socket.send({ type: 'Announce', info: 'before' })
    await before.settled()
    await before.socket.close(1000)
    await first.peer(v1, id, key)
    const bob = await second.peer(v1, unique('bob'), key)
    const introduction = await bob.next('Introduction')
    same(introduction, { type: 'Introduction', id, keys: [key] }, 'Introduction')
  }),

  check('6.4', 'Of several sessions of a peer the newest announcement counts', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('alice'), unique('key')]
    const older = await first.peer(v1, id, key)
    const newer = await first.peer(v1, id, key)
    newer.socket.send({ type: 'Announce', info: 'newer' })
    await newer.settled()
    older.socket.send({ type: 'Announce', info: 'older' })
    await older.settled()
    const bob = await second.peer(v1, unique('bob'), key)
    same((await bob.next('Introduction')).info, 'newer', 'info')
  }),

  ...each(values, (signal) =>
    check('6.5', `A Signal carries ${JSON.stringify(signal)}`, async (scene) => {
      const [alice, bob] = await acquainted(scene)
      alice.socket.send(
        text(`{"type":"Signal","to":"${bob.id}","signal":${JSON.stringify(signal)}}`),
      )
      const { data } = await bob.socket.message('the Signal')
      same(JSON.parse(data.toString()), { type: 'Signal', from: alice.id, signal }, 'Signal')
    }),
  ),

  check('6.10', 'The server says who a Signal is from, whatever its sender says', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    alice.socket.send({ type: 'Signal', to: bob.id, from: bob.id, id: 'forged', signal: 1 })
    same(await bob.next('Signal'), { type: 'Signal', from: alice.id, signal: 1 }, 'Signal')
  }),

  check('6.5', 'A Signal to somebody who is not there is unknown_peer', async (scene) => {
    const [alice] = await acquainted(scene)
    for (const to of [scene.unique('nobody'), '', '*', '__proto__', 'constructor']) {
      alice.socket.send({ type: 'Signal', to, signal: 1 })
      await expectError(alice, 'unknown_peer', { id: to })
    }
  }),

  check('6.5', 'A Signal to somebody without a common key is unknown_peer', async (scene) => {
    const [alice] = await acquainted(scene)
    const stranger = await scene.second.peer(v1, scene.unique(), scene.unique('other key'))
    alice.socket.send({ type: 'Signal', to: stranger.id, signal: 1 })
    await expectError(alice, 'unknown_peer', { id: stranger.id })
  }),

  check('6.5', 'A Signal after the key was left is unknown_peer', async (scene) => {
    const [alice, bob, key] = await acquainted(scene)
    bob.leave(key)
    await alice.next('Departure')
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 1 })
    await expectError(alice, 'unknown_peer', { id: bob.id })
  }),

  check('6.5', 'A Signal to oneself is unknown_peer', async (scene) => {
    const [alice] = await acquainted(scene)
    alice.socket.send({ type: 'Signal', to: alice.id, signal: 1 })
    await expectError(alice, 'unknown_peer', { id: alice.id })
  }),

  ...each(OLDER, (dialect) =>
    check('6.5', `A Signal to a ${dialect} client is not_supported`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const alice = await first.peer(v1, unique('alice'), key)
      const old = await second.peer(dialect, unique('old'), key)
      await alice.introducedTo(old)
      alice.socket.send({ type: 'Signal', to: old.id, signal: 1 })
      await expectError(alice, 'not_supported', { id: old.id })
    }),
  ),

  check('6.5', 'A Signal goes to the newest session that can read it', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const alice = await first.peer(v1, unique('alice'), key)
    const oldest = await second.peer(v1, id, key)
    const newest = await second.peer(v1, id, key)
    const older = await second.peer('v0', id, key)
    await second.peer(v1, id, unique('other key'))
    await alice.introducedTo(older)
    alice.socket.send({ type: 'Signal', to: id, signal: 'here' })
    same((await newest.next('Signal')).signal, 'here', 'signal')
    await oldest.settled()
    const signals = oldest.messages().filter(({ type }) => type === 'Signal')
    same(signals, [], 'signals to an older session')
  }),

  check('6.6', 'The first message is a Welcome, before anything was sent', async (scene) => {
    const id = scene.unique('id é/')
    const { socket } = await scene.first.introduction(id, v1)
    const welcome = await socket.json('the Welcome')
    same([welcome.type, welcome.id], ['Welcome', id], 'type and id')
    const { name, version } = (welcome.server ?? {}) as Record<string, unknown>
    same([typeof name, typeof version], ['string', 'string'], 'types of name and version')
    must(welcome.iceServers === undefined || Array.isArray(welcome.iceServers), '"iceServers"')
  }),

  check('6.9', 'A Departure names the common keys that were left', async (scene) => {
    const { first, second, unique } = scene
    const [k1, k2, k3, k4] = [unique('k1'), unique('k2'), unique('k3'), unique('k4')]
    const alice = await first.peer(v1, unique('alice'), k1, k2, k4)
    const bob = await second.peer(v1, unique('bob'), k1, k2, k3)
    await alice.introducedTo(bob)
    bob.leave(k1, k3, k4)
    same(await alice.next('Departure'), { type: 'Departure', id: bob.id, keys: [k1] }, 'Departure')
    await bob.socket.close(1000)
    same(await alice.next('Departure'), { type: 'Departure', id: bob.id, keys: [k2] }, 'Departure')
  }),

  ...each(['a close', 'a reset', 'the end of its connection'] as const, (end) =>
    check('6.9', `A Departure follows ${end}`, async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('bob'), unique('key')]
      const alice = await first.peer(v1, unique('alice'), key)
      const bob = await second.introduceRaw(id, key)
      await alice.introducedTo({ id })
      if (end === 'a close') {
        bob.write(clientFrame(Opcode.close))
        await bob.closeCode()
        bob.end()
      } else if (end === 'a reset') bob.reset()
      else bob.end()
      same(await alice.next('Departure'), { type: 'Departure', id, keys: [key] }, 'Departure')
    }),
  ),

  check('6.9', 'There is no Departure while another session has the key', async (scene) => {
    const { first, second, unique } = scene
    const [id, key, other] = [unique('same'), unique('key'), unique('other')]
    const alice = await first.peer(v1, unique('alice'), key, other)
    const older = await second.peer(v1, id, key, other)
    const newer = await second.peer(v1, id, key)
    await alice.introducedTo(newer)
    newer.leave(key)
    await newer.settled()
    newer.join(key)
    await older.socket.close(1000)
    same(await alice.next('Departure'), { type: 'Departure', id, keys: [other] }, 'Departure')
    await newer.socket.close(1000)
    same(await alice.next('Departure'), { type: 'Departure', id, keys: [key] }, 'Departure')
  }),

  check('6.9', 'A Departure does not end a connection', async (scene) => {
    const { first, second } = scene
    const [alice, bob, key] = await acquainted(scene)
    const atAlice = await first.connect(alice.id, bob.id, key)
    const atBob = await second.connect(bob.id, alice.id, key)
    await bob.socket.close(1000)
    await alice.next('Departure')
    atAlice.send(text('still here'))
    await atBob.expect(text('still here'))
  }),

  check(
    '6.9',
    'A peer that dies without a word has departed within 45 s',
    async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('dead'), unique('key')]
      const alice = await first.peer(v1, unique('alice'), key)
      // it answers no ping
      await second.introduceRaw(id, key)
      await alice.introducedTo({ id })
      const departure = await alice.next('Departure', 46_000)
      same(departure, { type: 'Departure', id, keys: [key] }, 'Departure')
    },
    { slow: true },
  ),

  check('6.11', 'An Error closes nothing', async (scene) => {
    const [alice, bob] = await acquainted(scene)
    alice.socket.send({ type: 'Signal', to: 'nobody', signal: 1 })
    await expectError(alice, 'unknown_peer')
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 2 })
    same((await bob.next('Signal')).signal, 2, 'signal')
  }),
]
