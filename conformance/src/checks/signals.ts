import { SUBPROTOCOL, type Json } from 'signal-server-protocol'
import { introduced, expectError } from '../introduced.js'
import { check, each, type Check } from '../check.js'
import { OLDER } from '../dialects.js'
import { same } from '../failure.js'
import { text } from '../socket.js'

const v1 = SUBPROTOCOL

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

/** §6.5, §6.11 and §6.13: signals, and errors. */
export const signalChecks: readonly Check[] = [
  ...each(values, (signal) =>
    check('6.5', `A Signal carries ${JSON.stringify(signal)}`, async (scene) => {
      const [alice, bob] = await introduced(scene)
      alice.socket.send(
        text(`{"type":"Signal","to":"${bob.id}","signal":${JSON.stringify(signal)}}`),
      )
      same(await bob.next('Signal'), { type: 'Signal', from: alice.id, signal }, 'Signal')
    }),
  ),

  check('6.11', 'The server says who a Signal is from, whatever its sender says', async (scene) => {
    const [alice, bob] = await introduced(scene)
    alice.socket.send({ type: 'Signal', to: bob.id, from: bob.id, id: 'forged', signal: 1 })
    same(await bob.next('Signal'), { type: 'Signal', from: alice.id, signal: 1 }, 'Signal')
  }),

  check('6.5', 'A Signal to somebody who is not there is unknown_peer', async (scene) => {
    const [alice] = await introduced(scene)
    for (const to of [scene.unique('nobody'), '', '*', '__proto__', 'constructor']) {
      alice.socket.send({ type: 'Signal', to, signal: 1 })
      await expectError(alice, 'unknown_peer', { id: to })
    }
  }),

  check('6.5', 'A Signal to somebody without a common key is unknown_peer', async (scene) => {
    const [alice] = await introduced(scene)
    const stranger = await scene.second.peer(v1, scene.unique(), scene.unique('other key'))
    alice.socket.send({ type: 'Signal', to: stranger.id, signal: 1 })
    await expectError(alice, 'unknown_peer', { id: stranger.id })
  }),

  check('6.5', 'A session signals only on keys that it has joined itself', async (scene) => {
    const { first, second, unique } = scene
    const [alice, bob, key] = await introduced(scene)
    const stranger = await first.peer(v1, alice.id, unique('other key'))
    stranger.socket.send({ type: 'Signal', to: bob.id, signal: 1 })
    await expectError(stranger, 'unknown_peer', { id: bob.id })
    const carol = await second.peer(v1, unique('carol'), key)
    await carol.introducedTo(alice)
    carol.socket.send({ type: 'Signal', to: alice.id, signal: 2 })
    same((await alice.next('Signal')).signal, 2, 'signal')
    await stranger.settled()
    const signals = stranger.messages().filter(({ type }) => type === 'Signal')
    same(signals, [], 'signals to the session without the key')
  }),

  check('6.5', 'A Signal after the key was left is unknown_peer', async (scene) => {
    const [alice, bob, key] = await introduced(scene)
    bob.leave(key)
    await alice.next('Departure')
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 1 })
    await expectError(alice, 'unknown_peer', { id: bob.id })
  }),

  check('6.5', 'A Signal to oneself is unknown_peer', async (scene) => {
    const [alice] = await introduced(scene)
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

  check('6.13', 'An Error closes nothing', async (scene) => {
    const [alice, bob] = await introduced(scene)
    alice.socket.send({ type: 'Signal', to: 'nobody', signal: 1 })
    await expectError(alice, 'unknown_peer')
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 2 })
    same((await bob.next('Signal')).signal, 2, 'signal')
  }),
]
