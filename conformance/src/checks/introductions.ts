import { check, each, type Check } from '../check.js'
import { ALL, type DialectName } from '../dialects.js'
import { same } from '../failure.js'
import { binary, text } from '../socket.js'
import { expectStrangers } from '../strangers.js'

const dialectPairs = ALL.flatMap((one) => ALL.map((other) => ({ one, other })))

const badKeys: readonly unknown[] = [1, null, '', ['nested'], {}, true]

/** §4.2 to §4.4: joining, and being introduced. */
export const introductionChecks: readonly Check[] = [
  ...each(dialectPairs, ({ one, other }) =>
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

  ...each(ALL, (dialect) =>
    check('4.2', `The other type of data closes a ${dialect} session with 1003`, async (scene) => {
      const { first, unique } = scene
      const alice = await first.peer(dialect, unique('alice'), unique('key'))
      alice.socket.send(dialect === 'v4' ? text('{}') : binary([0x80]))
      same((await alice.socket.closed()).code, 1003, 'close code')
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
]
