import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientClose } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { introduced } from '../introduced.js'
import { check, type Check } from '../check.js'
import { must, same } from '../failure.js'
import type { Participant } from '../participant.js'
import type { RawSocket } from '../raw-socket.js'
import type { Scene } from '../scene.js'
import { text } from '../socket.js'
import { expectNotAgain } from '../strangers.js'

/**
 * Two peers who were introduced and whose connections are joined. A check that something does not
 * happen needs `signal.v1`: in the older dialects a re-introduction looks like a repetition (§4.4).
 */
async function connected(
  scene: Scene,
  dialect: 'any' | typeof SUBPROTOCOL = 'any',
): Promise<{ alice: Participant; bob: Participant; key: string; a: RawSocket; b: RawSocket }> {
  const key = scene.unique('key')
  const alice = await scene.first.peer(dialect, scene.unique('alice'), key)
  const bob = await scene.second.peer(dialect, scene.unique('bob'), key)
  await alice.introducedTo(bob)
  await bob.introducedTo(alice)
  const [a, b] = await scene.rawPair({ a: alice.id, b: bob.id, key })
  return { alice, bob, key, a, b }
}

/** §7.9 and §7.10: what happens when a client comes back, or its connection fails. */
export const supersedingChecks: readonly Check[] = [
  check('7.9', 'A newer request takes the place of one that waits', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const older = await first.connect(a, b, key)
    older.send(text('of the older one'))
    await older.settled()
    const newer = await first.connect(a, b, key)
    const { code, reason } = await older.closed()
    same(code, 4409, 'close code of the older')
    must(reason !== '', 'the close has no sentence')
    newer.send(text('of the newer one'))
    const atB = await second.connect(b, a, key)
    await atB.expect(text('of the newer one'))
  }),

  check('7.9', 'A newer request ends the pipe that its place is part of', async (scene) => {
    const { first, second } = scene
    const names = scene.place()
    const [oldA, oldB] = await scene.pair(names)
    const newA = await first.connect(names.a, names.b, names.key)
    same((await oldA.closed()).code, 4409, 'close code of the old socket')
    same((await oldB.closed()).code, 4410, 'close code of its peer')
    newA.send(text('again'))
    const newB = await second.connect(names.b, names.a, names.key)
    await newB.expect(text('again'))
    newB.send(text('back'))
    await newA.expect(text('back'))
  }),

  check('7.9', 'Of twenty requests for one place the last one waits', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const sockets = []
    for (let n = 0; n < 20; n++) sockets.push(await first.connect(a, b, key))
    const last = sockets.pop()!
    for (const socket of sockets) same((await socket.closed()).code, 4409, 'close code')
    const atB = await second.connect(b, a, key)
    atB.send(text('who is it?'))
    await last.expect(text('who is it?'))
  }),

  check(
    '7.10',
    'After superseding both are introduced again, once the old has gone',
    async (scene) => {
      const { alice, bob, key, b } = await connected(scene, SUBPROTOCOL)
      await scene.first.connect(alice.id, bob.id, key)
      same(await b.closeCode(), 4410, 'close code of the peer')
      await pass(300)
      bob.expectNoReintroduction(alice)
      b.write(clientClose(4410))
      await b.ended
      b.end()
      await bob.expectReintroduction(alice, key)
    },
  ),

  check('7.10', 'They are introduced after 5 s where the old does not go', async (scene) => {
    const { alice, bob, key, b } = await connected(scene)
    await scene.first.connect(alice.id, bob.id, key)
    same(await b.closeCode(), 4410, 'close code of the peer')
    await bob.introducedTo(alice, 8_000)
  }),

  check('7.10', 'They are not where the peer asks again before that', async (scene) => {
    const { alice, bob, key, b } = await connected(scene, SUBPROTOCOL)
    const newA = await scene.first.connect(alice.id, bob.id, key)
    same(await b.closeCode(), 4410, 'close code of the peer')
    const newB = await scene.second.connect(bob.id, alice.id, key)
    b.write(clientClose(4410))
    await b.ended
    newA.send(text('joined'))
    await newB.expect(text('joined'))
    await expectNotAgain(scene, bob, alice)
  }),

  check('7.10', 'After a pipe has failed both are introduced again', async (scene) => {
    const { alice, bob, key, a, b } = await connected(scene)
    a.reset()
    same(await b.closeCode(), 4410, 'close code of the peer')
    b.write(clientClose(4410))
    await b.ended
    b.end()
    await alice.expectIntroduction(bob, key)
    await bob.expectIntroduction(alice, key)
  }),

  check('7.10', 'In signal.v1 that Introduction says "again"', async (scene) => {
    const [alice, bob, key] = await introduced(scene)
    const [a, b] = await scene.pair({ a: alice.id, b: bob.id, key })
    a.ws.terminate()
    same((await b.closed()).code, 4410, 'close code')
    for (const [to, about] of [
      [bob, alice],
      [alice, bob],
    ] as const) {
      await to.expectReintroduction(about, key)
    }
  }),

  check('7.10', 'That happens at most once in 5 s', async (scene) => {
    const { alice, bob, key, a, b } = await connected(scene, SUBPROTOCOL)
    a.reset()
    b.reset()
    await alice.expectReintroduction(bob, key)
    const since = performance.now()
    const [a2, b2] = await scene.rawPair({ a: alice.id, b: bob.id, key })
    a2.reset()
    b2.reset()
    await alice.expectReintroduction(bob, key, 8_000)
    // the clock of the server started a little before ours
    must(performance.now() - since > 4_000, 'the second introduction came too early')
  }),

  check('7.10', 'It does not happen after a close', async (scene) => {
    const { alice, bob, a, b } = await connected(scene, SUBPROTOCOL)
    a.write(clientClose(1000))
    same(await b.closeCode(), 1000, 'close code')
    b.write(clientClose(1000))
    await Promise.all([a.ended, b.ended])
    await pass(100)
    await expectNotAgain(scene, alice, bob)
    await expectNotAgain(scene, bob, alice)
  }),

  check('7.10', 'It does not happen where one has left the key', async (scene) => {
    const { alice, bob, key, a, b } = await connected(scene, SUBPROTOCOL)
    bob.leave(key)
    await bob.settled()
    a.reset()
    await b.closeCode()
    b.write(clientClose(4410))
    await b.ended
    b.end()
    await pass(100)
    await expectNotAgain(scene, alice, bob)
  }),
]
