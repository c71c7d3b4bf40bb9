import { SUBPROTOCOL, type Introduction } from 'signal-server-protocol'
import { introduced } from '../introduced.js'
import { check, type Check } from '../check.js'
import { same } from '../failure.js'

const v1 = SUBPROTOCOL

/** §6.4: announced info. */
export const announcingChecks: readonly Check[] = [
  check('6.4', 'An Announce is shown to those who share a key, as an Update', async (scene) => {
    const [alice, bob, key] = await introduced(scene)
    const info = { name: 'Alice', can: ['webrtc'] }
    alice.socket.send({ type: 'Announce', info })
    same(await bob.next('Update'), { type: 'Update', id: alice.id, info, keys: [key] }, 'Update')
  }),

  check('6.4', 'An Announce is shown to nobody else, and not to its sender', async (scene) => {
    const [alice, bob] = await introduced(scene)
    const stranger = await scene.second.peer(v1, scene.unique(), scene.unique('other key'))
    stranger.messages()
    alice.socket.send({ type: 'Announce', info: 1 })
    await bob.next('Update')
    await alice.settled()
    await stranger.settled()
    same(alice.news(), [], 'messages to the sender')
    same(stranger.news(), [], 'messages to a stranger')
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
    const [alice, bob, key] = await introduced(scene)
    alice.socket.send({ type: 'Announce', info: null })
    same(
      await bob.next('Update'),
      { type: 'Update', id: alice.id, info: null, keys: [key] },
      'Update',
    )
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

  check(
    '6.4',
    'Info is shown on the keys of which its session has the introductions',
    async (scene) => {
      const { first, second, unique } = scene
      const [id, shared, own] = [unique('alice'), unique('shared'), unique('own')]
      const older = await first.peer(v1, id, shared, own)
      await older.settled()
      const newer = await second.peer(v1, id, shared)
      await newer.settled()
      const bob = await second.peer(v1, unique('bob'), own, shared)
      await bob.introducedTo({ id })
      await bob.introducedTo({ id })
      older.socket.send({ type: 'Announce', info: 'older' })
      same(await bob.next('Update'), { type: 'Update', id, info: 'older', keys: [own] }, 'Update')
      newer.socket.send({ type: 'Announce', info: 'newer' })
      same(
        await bob.next('Update'),
        { type: 'Update', id, info: 'newer', keys: [shared] },
        'Update',
      )
      const carol = await first.peer(v1, unique('carol'), shared, own)
      const shown = new Map<string, unknown>()
      const show = ({ id: whom, keys, info }: Introduction) => {
        if (whom === id) for (const key of keys) shown.set(key, info)
      }
      // instances tell of their sessions in any order: the newer one corrects the older one
      while (shown.get(own) !== 'older' || shown.get(shared) !== 'newer') {
        show(await carol.next('Introduction'))
      }
      await carol.settled()
      for (const message of carol.messages()) if (message.type === 'Introduction') show(message)
      same(shown.get(own), 'older', 'info on the key of the older session')
      same(shown.get(shared), 'newer', 'info on the key of both sessions')
    },
  ),

  check('6.4', 'Info is not shown on keys that only another session has joined', async (scene) => {
    const { first, second, unique } = scene
    const [id, key, other] = [unique('alice'), unique('key'), unique('other key')]
    const alice = await first.peer(v1, id, key)
    const bob = await second.peer(v1, unique('bob'), key)
    await bob.introducedTo(alice)
    const stranger = await second.peer(v1, id, other)
    stranger.socket.send({ type: 'Announce', info: 'of the stranger' })
    await stranger.settled()
    await bob.settled()
    same(bob.news(), [], 'messages to a peer of the other session')
  }),
]
