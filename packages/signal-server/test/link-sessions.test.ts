import { describe, expect, test } from 'vitest'
import { topics } from '../src/cluster/topics.js'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { linkSession, offering } from './harness/links.js'
import { ServerGroup } from './harness/server-group.js'

const id = 'many'

/** The Introductions of the peer that a client has got. */
const introductions = (client: Client): Fields[] =>
  client.seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .filter((each) => each.type === 'Introduction' && each.id === id)

/** The link that a client was last shown on a key; undefined if the session there has none. */
const shown = (client: Client, key: string): unknown =>
  introductions(client).findLast(({ keys }) => (keys as string[]).includes(key))?.link

const replaced = (client: Client): string[] =>
  client.seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .filter(({ type }) => type === 'Replaced')
    .flatMap(({ keys }) => keys as string[])
    .sort()

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/** A session of the peer that offers a link, or none, with its keys joined. */
async function session(
  group: ServerGroup,
  member: number,
  link: string | undefined,
  ...keys: string[]
): Promise<Client> {
  await later()
  const protocols = link === undefined ? ['signal.v1'] : offering(link)
  const client = await group.client(member, `/introduction/${id}`, protocols)
  await client.next('Welcome')
  client.send({ type: 'Join', join: keys })
  await client.settled()
  return client
}

async function expectShown(
  watchers: readonly Client[],
  wanted: Record<string, string | undefined>,
): Promise<void> {
  const told = () =>
    watchers.map((watcher) => Object.keys(wanted).map((key) => shown(watcher, key)))
  const all = JSON.stringify(watchers.map(() => Object.values(wanted)))
  await eventually(
    () => JSON.stringify(told()) === all,
    () => `${all}, not ${JSON.stringify(told())}`,
  )
}

describe.each([
  [0, 0, 0],
  [0, 1, 0],
  [1, 0, 1],
])('sessions of one id, of servers %i, %i and %i', (...members) => {
  test('come in an Introduction for each, with the link of each', async () => {
    const group = await ServerGroup.start(2)
    const [one, two] = [linkSession(), linkSession()]
    const before = await group.v1(0, 'before', 'a', 'b', 'c', 'd')
    await session(group, members[0], one, 'a', 'b')
    const raw = await session(group, members[1], undefined, 'b', 'c')
    await session(group, members[2], two, 'd')
    const after = await Promise.all(
      [0, 1].map((n) => group.v1(n, `after-${n}`, 'd', 'c', 'b', 'a')),
    )
    await expectShown([before, ...after], { a: one, b: undefined, c: undefined, d: two })
    const parts = after.map((watcher) =>
      introductions(watcher).map(({ link, keys }) => [link, keys]),
    )
    for (const part of parts) {
      expect(part).toHaveLength(3)
      expect(part).toEqual(
        expect.arrayContaining([
          [one, ['a']],
          [undefined, ['c', 'b']],
          [two, ['d']],
        ]),
      )
    }
    await raw.close()
    await expectShown([before, ...after], { a: one, b: one, d: two })
  })

  test('tell an older one of exactly the keys that a newer one has', async () => {
    const group = await ServerGroup.start(2)
    const peer = await group.v1(1, 'peer', 'a', 'b', 'c')
    const older = await session(group, members[0], linkSession(), 'a', 'b')
    const link = linkSession()
    const newer = await session(group, members[1], link, 'b', 'c')
    await eventually(() => replaced(older).length > 0, 'to be told')
    await expectShown([peer], { b: link, c: link })
    const newest = await session(group, members[2], undefined, 'a', 'c')
    await eventually(() => replaced(older).length > 1 && replaced(newer).length > 0, 'to be told')
    for (const client of [older, newer, newest]) await client.settled()
    expect([older, newer, newest].map(replaced)).toEqual([['a', 'b'], ['c'], []])
  })

  test('are introduced with their own link when they have a key again', async () => {
    const group = await ServerGroup.start(2)
    const watchers = [await group.v1(0, 'near', 'a'), await group.v1(1, 'far', 'a')]
    const [one, two] = [linkSession(), linkSession()]
    await session(group, members[0], one, 'a')
    const newer = await session(group, members[1], two, 'a')
    await expectShown(watchers, { a: two })
    newer.send({ type: 'Leave', leave: ['a'] })
    await expectShown(watchers, { a: one })
    newer.send({ type: 'Join', join: ['a'] })
    await expectShown(watchers, { a: two })
    await newer.kill()
    await expectShown(watchers, { a: one })
  })
})

test('a session with a link that joined while the bus was down is shown with it afterwards', async () => {
  const group = await ServerGroup.start(3)
  const watchers = [await group.v1(1, 'one', 'a'), await group.v1(2, 'two', 'a')]
  const link = linkSession()
  group.buses[0]!.up = false
  await session(group, 0, link, 'a')
  group.buses[0]!.up = true
  await expectShown(watchers, { a: link })
})

test('a link that the bus brings is shown only if it has the form of one', async () => {
  const group = await ServerGroup.start(1)
  const watcher = await group.v1(0, 'watcher', 'a')
  const forger = group.bus.member()
  const forged: unknown[] = [
    'short',
    'x","again":true',
    7,
    null,
    {},
    ['aaaaaaaaaaa'],
    'a'.repeat(400),
  ]
  const valid = linkSession()
  for (const [n, link] of [...forged, valid].entries()) {
    const peer = { id, since: n + 1, reads: n + 1, link }
    const join = { t: 'join', app: '', key: 'a', peer, instance: 'somebody' }
    forger.publish(topics.key('', 'a'), Buffer.from(JSON.stringify(join)))
  }
  await eventually(() => shown(watcher, 'a') === valid, 'the valid one')
  const links = introductions(watcher).map(({ link }) => link)
  expect(links.filter((link) => link !== undefined)).toEqual([valid])
  expect(watcher.seen.every(({ text }) => !text.includes('again'))).toBe(true)
})

/** Numbers below n, the same each time. */
function numbers(seed: number): (n: number) => number {
  return (n) => (seed = (seed * 16_807) % 2_147_483_647) % n
}

interface Member {
  readonly client: Client
  readonly link: string
  keys: string[]
  /** All that it has ever joined. */
  readonly joined: Set<string>
}

/** Sessions of the peer that come to three servers, join, leave and go; those that are there at the end. */
async function comeAndGo(
  group: ServerGroup,
  keys: readonly string[],
  below: (n: number) => number,
): Promise<{ there: Member[]; all: Member[] }> {
  const all: Member[] = []
  let there: Member[] = []
  for (let step = 0; step < 30; step++) {
    const chosen = keys.filter(() => below(2) === 0)
    const one = there[below(Math.max(1, there.length))]
    const what = below(4)
    if (what < 2 && there.length < 5) {
      const link = linkSession()
      const client = await session(group, below(3), link, ...chosen)
      all.push({ client, link, keys: chosen, joined: new Set(chosen) })
      there.push(all.at(-1)!)
    } else if (what === 2 && one) {
      there = there.filter((other) => other !== one)
      await one.client.close()
    } else if (one) {
      one.client.send({ type: 'Join', join: chosen })
      one.client.send({ type: 'Leave', leave: keys.filter((key) => !chosen.includes(key)) })
      for (const key of chosen) one.joined.add(key)
      one.keys = chosen
      if (below(2) === 0) await one.client.settled()
    }
  }
  return { there, all }
}

/** Whether a session takes a key for its own, by what it was told last. */
const takesForOwn = ({ client }: Member, key: string) =>
  client.seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .findLast(
      ({ type, keys }) => type !== 'Departure' && (keys as string[] | undefined)?.includes(key),
    )?.type !== 'Replaced'

test.for([0, 1, 2, 3])(
  'whatever comes and goes, an Introduction is about one session, and all know whose a key is (%i)',
  { timeout: 60_000 },
  async (seed) => {
    const below = numbers(5 + seed)
    const keys = ['a', 'b', 'c', 'd', 'e']
    const group = await ServerGroup.start(3)
    if (seed % 2 === 1) group.bus.delay = () => below(15)
    const watchers: Client[] = []
    for (let n = 0; n < 6; n++) watchers.push(await group.v1(n % 3, `watcher-${n}`, ...keys))
    const { there, all } = await comeAndGo(group, keys, below)
    const ownerOf = (key: string) => there.findLast((one) => one.keys.includes(key))
    const owned = keys.filter(ownerOf)
    await expectShown(watchers, Object.fromEntries(owned.map((key) => [key, ownerOf(key)!.link])))
    const mistaken = () =>
      there.flatMap((one) =>
        one.keys.filter((key) => takesForOwn(one, key) !== (ownerOf(key) === one)),
      )
    await eventually(
      () => mistaken().length === 0,
      () => `sessions to know what is theirs: ${mistaken().join(', ')}`,
    )
    for (const { link, keys: told } of watchers.flatMap(introductions)) {
      const { joined } = all.find((one) => one.link === link)!
      expect((told as string[]).filter((key) => !joined.has(key))).toEqual([])
    }
    for (const client of [...watchers, ...there.map((one) => one.client)]) await client.close()
    await group.expectQuiet()
  },
)
