import {
  introductionPath,
  LINK_SUBPROTOCOL_PREFIX,
  PAIRED_TEXT,
  SUBPROTOCOL,
} from 'signal-server-protocol'
import { check, each, type Check } from '../check.js'
import { dialects, OLDER } from '../dialects.js'
import type { Entrance } from '../entrance.js'
import { must, same } from '../failure.js'
import { expectJoined } from '../joined.js'
import { Participant } from '../participant.js'
import { text } from '../socket.js'

/** The subprotocols of a client that offers these links, in front of `signal.v1`. */
const offering = (...links: string[]): string[] => [
  ...links.map((link) => `${LINK_SUBPROTOCOL_PREFIX}${link}`),
  SUBPROTOCOL,
]

const session = 'aZ09-_aZ09-'
const hellos = ['1', '2'].map((end) => `${'aZ09-_'.repeat(14)}${end}`) as [string, string]

const badSessions: Readonly<Record<string, string[]>> = {
  'of ten characters': offering('a'.repeat(10)),
  'of twelve characters': offering('a'.repeat(12)),
  'with a character that is not of base64url': offering('aaaaa.aaaaa'),
  'beside another one': offering('a'.repeat(11), 'b'.repeat(11)),
  'of another version': ['signal.link.2.aaaaaaaaaaa', SUBPROTOCOL],
}

const badHellos: Readonly<Record<string, string[]>> = {
  'of 19 characters': offering('a'.repeat(19)),
  'of 301 characters': offering('a'.repeat(301)),
  'with a character that is not of base64url': offering(`${'a'.repeat(40)}.`),
  'beside another one': offering('a'.repeat(40), 'b'.repeat(40)),
  'of another version': [`signal.link.2.${'a'.repeat(40)}`, SUBPROTOCOL],
}

const paired = (hello: string) => text(JSON.stringify({ type: 'Paired', link: hello }))

/** A session in `signal.v1` that has offered these subprotocols and joined these keys. */
async function peer(
  entrance: Entrance,
  id: string,
  protocols: readonly string[],
  ...keys: string[]
): Promise<Participant> {
  const socket = await entrance.socket(introductionPath(id), protocols)
  same(socket.ws.protocol, SUBPROTOCOL, 'subprotocol')
  const participant = new Participant(id, dialects[SUBPROTOCOL], socket)
  participant.join(...keys)
  await participant.settled()
  return participant
}

/** What the next Introduction to a peer says, in `signal.v1`. */
async function shown(participant: Participant, { id }: { id: string }): Promise<unknown> {
  for (;;) {
    const introduction = await participant.next('Introduction')
    if (introduction.id === id) return introduction
  }
}

/** §6.8 and §7.3: what clients offer each other for the link protocol. */
export const linkChecks: readonly Check[] = [
  check('6.8', 'An Introduction says which link the session has offered', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await peer(first, unique('alice'), offering(session), key)
    const bob = await second.peer(SUBPROTOCOL, unique('bob'), key)
    const ofAlice = { type: 'Introduction', id: alice.id, keys: [key], link: session }
    same(await shown(bob, alice), ofAlice, 'Introduction')
    same(await shown(alice, bob), { type: 'Introduction', id: bob.id, keys: [key] }, 'Introduction')
    alice.join(key)
    same(await shown(bob, alice), ofAlice, 'Introduction')
  }),

  check('6.8', 'A re-introduction says it, too', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await peer(first, unique('alice'), offering(session), key)
    const bob = await second.peer(SUBPROTOCOL, unique('bob'), key)
    await alice.introducedTo(bob)
    await bob.introducedTo(alice)
    const [a, b] = await scene.pair({ a: alice.id, b: bob.id, key })
    a.ws.terminate()
    same((await b.closed()).code, 4410, 'close code')
    const again = { type: 'Introduction', id: alice.id, keys: [key], link: session, again: true }
    for (;;) {
      const introduction = (await shown(bob, alice)) as { again?: true }
      if (introduction.again) return same(introduction, again, 'Introduction')
    }
  }),

  ...each(Object.entries(badSessions), ([what, protocols]) =>
    check('6.8', `A link ${what} stands in no Introduction`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const bob = await second.peer(SUBPROTOCOL, unique('bob'), key)
      const alice = await peer(first, unique('alice'), protocols, key)
      const plain = { type: 'Introduction', id: alice.id, keys: [key] }
      same(await shown(bob, alice), plain, 'Introduction')
    }),
  ),

  ...each(OLDER, (dialect) =>
    check('4.2', `A ${dialect} client is told of no link`, async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const old = await second.peer(dialect, unique('old'), key)
      const alice = await peer(first, unique('alice'), offering(session), key)
      const message = await old.socket.message('an introduction')
      same(old.dialect.introduction(message), { id: alice.id, keys: [key] }, 'introduction')
      must(!message.data.includes(session), 'the link stands in it')
      const ofOld = { type: 'Introduction', id: old.id, keys: [key] }
      same(await shown(alice, old), ofOld, 'Introduction')
    }),
  ),

  check('4.4', 'Keys of several sessions come in an Introduction for each', async (scene) => {
    const { first, second, unique } = scene
    const [id, a, b, c] = [unique('many'), unique('a'), unique('b'), unique('c')]
    await peer(first, id, offering(session), a, b)
    const raw = await peer(second, id, [SUBPROTOCOL], b)
    const links = [session, undefined, 'other-----1']
    await peer(first, id, offering(links[2]!), c)
    const watcher = await second.peer(SUBPROTOCOL, unique('watcher'), a, b, c)
    const known = new Map<string, unknown>()
    /** Takes Introductions until each key is shown with the session that has it. */
    const told = async (expected: readonly (string | undefined)[]) => {
      while (![a, b, c].every((key, n) => known.has(key) && known.get(key) === expected[n])) {
        const { keys, link } = await watcher.next('Introduction')
        must(
          keys.every((key) => (key === c) === (link === links[2])),
          'keys of two sessions',
        )
        for (const key of keys) known.set(key, link)
      }
    }
    await told(links)
    await raw.socket.close(1000)
    await told([session, session, 'other-----1'])
  }),

  check('7.3', 'Both clients that offered a hello get that of the other', async (scene) => {
    const { a, b, key } = scene.place()
    const atA = await scene.first.connect(a, b, key, offering(hellos[0]))
    const atB = await scene.second.connect(b, a, key, offering(hellos[1]))
    same([atA.ws.protocol, atB.ws.protocol], [SUBPROTOCOL, SUBPROTOCOL], 'subprotocols')
    await atA.expect(paired(hellos[1]))
    await atB.expect(paired(hellos[0]))
    await expectJoined(atA, atB)
  }),

  ...each([20, 300], (length) =>
    check('7.3', `A hello may have ${length} characters`, async (scene) => {
      const { a, b, key } = scene.place()
      const hello = 'h'.repeat(length)
      const atA = await scene.first.connect(a, b, key, offering(hello))
      const atB = await scene.second.connect(b, a, key, offering(hellos[1]))
      await atA.expect(paired(hellos[1]))
      await atB.expect(paired(hello))
    }),
  ),

  ...each(['the first', 'the second'] as const, (who) => [
    check('7.3', `Both are told the plain Paired if only ${who} offered a hello`, async (scene) => {
      const { a, b, key } = scene.place()
      const offers = [offering(hellos[0]), [SUBPROTOCOL]]
      if (who === 'the second') offers.reverse()
      const atA = await scene.first.connect(a, b, key, offers[0])
      const atB = await scene.second.connect(b, a, key, offers[1])
      for (const side of [atA, atB]) await side.expect(text(PAIRED_TEXT))
      await expectJoined(atA, atB)
    }),

    check('7.3', `A hello of ${who} is not told to an older client`, async (scene) => {
      const { a, b, key } = scene.place()
      const offers = [offering(hellos[0]), []]
      if (who === 'the second') offers.reverse()
      const atA = await scene.first.connect(a, b, key, offers[0])
      const atB = await scene.second.connect(b, a, key, offers[1])
      await (who === 'the first' ? atA : atB).expect(text(PAIRED_TEXT))
      await expectJoined(atA, atB)
    }),
  ]),

  ...each(Object.entries(badHellos), ([what, bad]) =>
    check('7.3', `A hello ${what} counts as none`, async (scene) => {
      const { a, b, key } = scene.place()
      const atA = await scene.first.connect(a, b, key, bad)
      const atB = await scene.second.connect(b, a, key, offering(hellos[1]))
      same(atA.ws.protocol, SUBPROTOCOL, 'subprotocol')
      for (const side of [atA, atB]) await side.expect(text(PAIRED_TEXT))
      await expectJoined(atA, atB)
    }),
  ),
]
