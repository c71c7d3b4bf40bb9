import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientClose } from 'signal-test-kit'
import { within } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { ALL } from '../dialects.js'
import { same } from '../failure.js'
import { text } from '../socket.js'
import { expectStrangers } from '../strangers.js'

/** §4.1 and §4.5 to §4.7: sessions, leaving, and order. */
export const sessionChecks: readonly Check[] = [
  ...each(ALL, (dialect) => [
    check('4.5', `Who left a key in ${dialect} is introduced for it no more`, async (scene) => {
      const { first, second, unique } = scene
      const [stays, left] = [unique('stays'), unique('left')]
      const alice = await first.peer(dialect, unique('alice'), stays, left)
      alice.leave(left, unique('never joined'))
      await alice.settled()
      const bob = await second.introduction(unique('bob'), 'any')
      bob.join(stays, left)
      await bob.expectIntroduction(alice, stays)
      await alice.expectIntroduction(bob, stays)
    }),

    check('4.5', `A ${dialect} session that closes leaves its keys`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const alice = await first.peer(dialect, unique('alice'), key)
      const witness = await first.peer(SUBPROTOCOL, unique('witness'), key)
      await alice.socket.close(1000)
      await witness.next('Departure')
      const bob = await second.introduction(unique('bob'), 'any')
      bob.join(key)
      await bob.expectIntroduction(witness, key)
      await expectStrangers(scene, bob, alice)
    }),
  ]),

  ...each(ALL, (dialect) =>
    check('4.6', `A second ${dialect} session does not close the first`, async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('same'), unique('key')]
      const older = await first.peer(dialect, id, key)
      const newer = await second.peer(dialect, id, key)
      await older.settled()
      await newer.settled()
      await older.settled()
    }),
  ),

  check('4.6', 'Introductions go to the newest session that joined the key', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, key)
    const bob = await first.peer('any', unique('bob'), key)
    await newer.expectIntroduction(bob, key)
    await expectStrangers(scene, older, bob)
  }),

  check('4.6', 'A newer session without the key gets none of its introductions', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, unique('other key'))
    const bob = await first.peer('any', unique('bob'), key)
    await older.expectIntroduction(bob, key)
    await expectStrangers(scene, newer, bob)
  }),

  check('4.6', 'An older session takes over when the newer closes', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, key)
    await newer.socket.close(1000)
    await older.settled()
    const bob = await first.peer('any', unique('bob'), key)
    await older.expectIntroduction(bob, key)
    await bob.expectIntroduction(older, key)
  }),

  check('4.6', 'An older session takes over when the newer leaves the key', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, key)
    newer.leave(key)
    await newer.settled()
    const bob = await first.peer('any', unique('bob'), key)
    await older.expectIntroduction(bob, key)
    await bob.expectIntroduction(older, key)
  }),

  ...each(['closes', 'leaves the key'] as const, (how) =>
    check('4.6', `When the newer ${how}, the older is introduced again`, async (scene) => {
      const { first, second, unique } = scene
      const [id, key] = [unique('same'), unique('key')]
      const older = await first.peer('any', id, key)
      await older.settled()
      const newer = await second.peer('any', id, key)
      const bob = await first.peer('any', unique('bob'), key)
      await newer.expectIntroduction(bob, key)
      await bob.expectIntroduction(newer, key)
      await bob.settled()
      bob.introductions()
      if (how === 'closes') await newer.socket.close(1000)
      else newer.leave(key)
      await older.expectIntroduction(bob, key)
      await bob.expectIntroduction(older, key)
    }),
  ),

  check('4.6', 'The end of an older session does not touch the keys of a newer', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, key)
    await older.socket.close(1000)
    await newer.settled()
    const bob = await first.peer('any', unique('bob'), key)
    await newer.expectIntroduction(bob, key)
    await bob.expectIntroduction(newer, key)
  }),

  ...each(['joined', 'left'] as const, (last) =>
    check('4.7', `Joins and Leaves are carried out in order: ${last} at last`, async (scene) => {
      const { first, second, unique } = scene
      const [key, stays] = [unique('key'), unique('stays')]
      const alice = await first.peer('any', unique('alice'), stays)
      for (let n = 0; n < 50; n++) {
        alice.join(key)
        alice.leave(key)
      }
      if (last === 'joined') alice.join(key)
      await alice.settled()
      const bob = await second.introduction(unique('bob'), 'any')
      bob.join(key, stays)
      await bob.expectIntroduction(alice, ...(last === 'joined' ? [key, stays] : [stays]))
    }),
  ),

  check('4.7', 'Signals arrive in the order in which they were sent, each once', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(SUBPROTOCOL, unique('alice'), key)
    const bob = await second.peer(SUBPROTOCOL, unique('bob'), key)
    await alice.introducedTo(bob)
    for (let n = 0; n < 60; n++) alice.socket.send({ type: 'Signal', to: bob.id, signal: n })
    for (let n = 0; n < 60; n++) same((await bob.next('Signal')).signal, n, 'signal')
    await bob.settled()
    same(bob.news(), [], 'more messages')
  }),

  check('4.1', 'A fragmented message is one message', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.introduction(unique('alice'), 'any')
    const { data } = text(JSON.stringify({ type: 'Join', join: [key] }))
    alice.socket.ws.send(data.subarray(0, 9), { binary: false, fin: false })
    alice.socket.ws.ping('between')
    alice.socket.ws.send(data.subarray(9, 9), { fin: false })
    alice.socket.ws.send(data.subarray(9), { fin: true })
    await alice.settled()
    const bob = await second.peer('any', unique('bob'), key)
    await bob.expectIntroduction(alice, key)
  }),

  ...each([1000, 4000, undefined], (code) =>
    check(
      '4.1',
      `A close (${code ?? 'no code'}) is answered, and the connection ended`,
      async (scene) => {
        const raw = await scene.first.introduceRaw(scene.unique(), scene.unique('key'))
        raw.write(clientClose(code))
        same(await raw.closeCode(), code ?? 1005, 'close code')
        await within(raw.ended, 'the end of the connection', 1_000)
      },
    ),
  ),
]
