import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode } from 'signal-test-kit'
import { introduced } from '../introduced.js'
import { check, each, type Check } from '../check.js'
import { OLDER } from '../dialects.js'
import { must, same } from '../failure.js'
import { text } from '../socket.js'

const v1 = SUBPROTOCOL

/** §6.6 to §6.12: what the server tells by itself. */
export const noticeChecks: readonly Check[] = [
  check('6.7', 'The first message is a Welcome, before anything was sent', async (scene) => {
    const id = scene.unique('id é/')
    const { socket } = await scene.first.introduction(id, v1)
    const welcome = await socket.json('the Welcome')
    same([welcome.type, welcome.id], ['Welcome', id], 'type and id')
    const { name, version } = (welcome.server ?? {}) as Record<string, unknown>
    same([typeof name, typeof version], ['string', 'string'], 'types of name and version')
    must(welcome.iceServers === undefined || Array.isArray(welcome.iceServers), '"iceServers"')
  }),

  check('6.10', 'A Departure names the common keys that were left', async (scene) => {
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
    check('6.10', `A Departure follows ${end}`, async (scene) => {
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

  check('6.14', 'An older session is told which keys a newer one has', async (scene) => {
    const { first, second, unique } = scene
    const [id, shared, own] = [unique('same'), unique('shared'), unique('own')]
    const older = await first.peer(v1, id, shared, own)
    await older.settled()
    const newer = await second.peer(v1, id, unique('new'), shared)
    same(await older.next('Replaced'), { type: 'Replaced', keys: [shared] }, 'Replaced')
    await newer.settled()
    const told = newer.messages().filter(({ type }) => type === 'Replaced')
    same(told, [], 'Replaced of the newer session')
  }),

  check('6.14', 'A session that joins what a newer one has joined is told so', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer(v1, id, unique('old'))
    await older.settled()
    const newer = await second.peer(v1, id, key)
    older.join(key)
    same(await older.next('Replaced'), { type: 'Replaced', keys: [key] }, 'Replaced')
    await newer.settled()
    const told = newer.messages().filter(({ type }) => type === 'Replaced')
    same(told, [], 'Replaced of the newer session')
  }),

  ...each(OLDER, (dialect) =>
    check('6.14', `A ${dialect} session is not told of a newer one`, async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('same'), unique('key')]
      const older = await first.peer(dialect, id, key)
      await older.settled()
      await (await second.peer(v1, id, key)).settled()
      await older.settled()
      same(older.socket.take().length, 0, 'number of messages')
    }),
  ),

  check('6.10', 'There is no Departure while another session has the key', async (scene) => {
    const { first, second, unique } = scene
    const [id, key, other] = [unique('same'), unique('key'), unique('other')]
    const alice = await first.peer(v1, unique('alice'), key, other)
    /** Waits until a session of the id has the introductions on the key. */
    const shown = async (info: string) => {
      for (;;) {
        const message = await alice.next(['Introduction', 'Update'])
        if (message.info === info && message.keys?.includes(key)) return
      }
    }
    const older = await second.peer(v1, id, key, other)
    older.socket.send({ type: 'Announce', info: 'older' })
    await shown('older')
    const newer = await second.peer(v1, id, key)
    newer.socket.send({ type: 'Announce', info: 'newer' })
    await shown('newer')
    newer.leave(key)
    await shown('older')
    newer.join(key)
    await shown('newer')
    await older.socket.close(1000)
    same(await alice.next('Departure'), { type: 'Departure', id, keys: [other] }, 'Departure')
    await newer.socket.close(1000)
    same(await alice.next('Departure'), { type: 'Departure', id, keys: [key] }, 'Departure')
  }),

  check('6.10', 'A Departure does not end a connection', async (scene) => {
    const { first, second } = scene
    const [alice, bob, key] = await introduced(scene)
    const atAlice = await first.connect(alice.id, bob.id, key)
    const atBob = await second.connect(bob.id, alice.id, key)
    await bob.socket.close(1000)
    await alice.next('Departure')
    atAlice.send(text('still here'))
    await atBob.expect(text('still here'))
  }),

  check(
    '6.10',
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

  check('6.12', 'Each Ping is answered with a Pong, and in its turn', async (scene) => {
    const [alice, bob, key] = await introduced(scene)
    alice.socket.send({ type: 'Ping' })
    alice.socket.send({ type: 'Signal', to: 'nobody', signal: 1 })
    alice.socket.send({ type: 'Ping' })
    const types = []
    for (let n = 0; n < 3; n++) types.push((await alice.next(['Pong', 'Error'])).type)
    same(types, ['Pong', 'Error', 'Pong'], 'types of the answers')
    bob.join(key)
    await bob.introducedTo(alice)
    same(bob.news(), [], 'messages to somebody else')
  }),
]
