import { SUBPROTOCOL } from 'signal-protocol'
import { check, each, type Check } from '../check.js'
import { ALL, type DialectName } from '../dialects.js'
import { Failure, same } from '../failure.js'
import type { Participant } from '../participant.js'
import type { Scene } from '../scene.js'
import { text } from '../socket.js'

/**
 * Sees that a peer was introduced to nobody of these until now. An introduction that is made after
 * everything else comes last, so it shows when the others would have come.
 */
export async function expectStrangers(
  scene: Scene,
  participant: Participant,
  ...others: { id: string }[]
): Promise<void> {
  const key = scene.unique('marker')
  const marker = await scene.second.peer('any', scene.unique('marker'), key)
  participant.join(key)
  const ids = new Set(others.map(({ id }) => id))
  for (;;) {
    const message = await participant.socket.message('an introduction')
    const introduced = participant.dialect.introduction(message)
    if (introduced?.id === marker.id) return
    if (introduced && ids.has(introduced.id)) {
      throw new Failure(`it was introduced, with ${JSON.stringify(introduced.keys)}`)
    }
  }
}

const acrossDialects = ALL.flatMap((one) => ALL.map((other) => ({ one, other })))

const badKeys: readonly unknown[] = [1, null, '', ['nested'], {}, true]

/** §4: sessions, joining, leaving. */
export const introductionChecks: readonly Check[] = [
  ...each(acrossDialects, ({ one, other }) =>
    check('4.2', `${one} and ${other} are introduced to each other`, async (scene) => {
      const { first, second, unique } = scene
      const [k1, k2, k3] = [unique('k1'), unique('k2'), unique('k3')]
      const alice = await first.peer(one, unique('alice'), k1, k2)
      const bob = await second.introduction(unique('bob'), other)
      bob.join(k2, k3)
      await bob.expectIntroduction(alice, k2)
      await alice.expectIntroduction(bob, k2)
    }),
  ),

  ...each(ALL, (dialect) => [
    check('4.3', `A ${dialect} Join asks once more for keys joined before`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const alice = await first.peer(dialect, unique('alice'), key)
      const bob = await second.peer('any', unique('bob'), key)
      await alice.expectIntroduction(bob, key)
      await bob.expectIntroduction(alice, key)
      alice.join(key)
      await alice.expectIntroduction(bob, key)
      await bob.expectIntroduction(alice, key)
    }),

    check('4.3', `A ${dialect} Join adds to what was joined before`, async (scene) => {
      const { first, second, unique } = scene
      const keys = [unique('k1'), unique('k2'), unique('k3')]
      const alice = await first.introduction(unique('alice'), dialect)
      for (const key of keys) alice.join(key)
      await alice.settled()
      const bob = await second.peer('any', unique('bob'), ...keys)
      await bob.expectIntroduction(alice, ...keys)
    }),

    check('4.3', `A ${dialect} Join of no key at all is accepted`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const alice = await first.introduction(unique('alice'), dialect)
      for (let n = 0; n < 12; n++) alice.join()
      alice.join(key)
      await alice.settled()
      const bob = await second.peer('any', unique('bob'), key)
      await bob.expectIntroduction(alice, key)
    }),

    ...each(badKeys, (bad) =>
      check(
        '4.3',
        `A ${dialect} Join with the key ${JSON.stringify(bad)} joins nothing`,
        async (scene) => {
          const { first, second, unique } = scene
          const [k1, k2] = [unique('k1'), unique('k2')]
          const alice = await first.peer(dialect, unique('alice'), k1)
          alice.join(k2, bad)
          await alice.settled()
          const bob = await second.peer('any', unique('bob'), k1, k2)
          await bob.expectIntroduction(alice, k1)
        },
        { hostile: true },
      ),
    ),

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

  check('4.4', 'An Introduction names the common keys of this Join only', async (scene) => {
    const { first, second, unique } = scene
    const [k1, k2, k3] = [unique('k1'), unique('k2'), unique('k3')]
    const alice = await first.peer('any', unique('alice'), k1, k2, k3)
    const bob = await second.introduction(unique('bob'), 'any')
    bob.join(k1, k2)
    await alice.expectIntroduction(bob, k1, k2)
    await bob.expectIntroduction(alice, k1, k2)
    bob.join(k3)
    await alice.expectIntroduction(bob, k3)
    await bob.expectIntroduction(alice, k3)
  }),

  check('4.4', 'A key that stands twice in a Join is named once', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.introduction(unique('alice'), 'any')
    alice.join(key, key)
    await alice.settled()
    const bob = await second.introduction(unique('bob'), 'any')
    bob.join(key, key, key)
    await bob.expectIntroduction(alice, key)
    await alice.expectIntroduction(bob, key)
  }),

  check('4.4', 'Each of five peers is introduced to the other four', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const peers = await Promise.all(
      ALL.concat(['v0']).map((dialect: DialectName, n) =>
        (n % 2 ? first : second).introduction(unique(`peer${n}`), dialect),
      ),
    )
    for (const peer of peers) peer.join(key)
    for (const peer of peers) {
      const missing = new Set(peers.filter((other) => other !== peer).map(({ id }) => id))
      while (missing.size > 0) {
        const message = await peer.socket.message(`an introduction to ${missing.size} more`)
        missing.delete(peer.dialect.introduction(message)?.id ?? '')
      }
    }
  }),

  check('4.4', 'Peers without a common key are strangers', async (scene) => {
    const { first, second, unique } = scene
    const alice = await first.peer('any', unique('alice'), unique('k1'))
    const bob = await second.peer('any', unique('bob'), unique('k2'))
    await expectStrangers(scene, alice, bob)
    await expectStrangers(scene, bob, alice)
  }),

  check('4.4', 'A peer is not introduced to itself, whichever its session', async (scene) => {
    const { first, second, unique } = scene
    const [id, key] = [unique('same'), unique('key')]
    const older = await first.peer('any', id, key)
    const newer = await second.peer('any', id, key)
    older.join(key)
    await expectStrangers(scene, older, { id })
    await expectStrangers(scene, newer, { id })
  }),

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
    same(bob.messages(), [], 'more messages')
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
]
