import { describe, expect, test } from 'vitest'
import { expectAgreement, known } from './harness/agreement.js'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { ServerGroup } from './harness/server-group.js'

const twin = 'twin'

/** What a client was told of a peer, in order. */
const seen = (client: Client, id = twin): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((each) => each.id === id)

const types = (client: Client, type: string, id = twin): Fields[] =>
  seen(client, id).filter((each) => each.type === type)

const announce = (client: Client, info: unknown) => client.send({ type: 'Announce', info })

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/** Numbers below n, the same each time. */
function numbers(seed: number): (n: number) => number {
  return (n) => (seed = (seed * 16_807) % 2_147_483_647) % n
}

/** The twin's two sessions, on two of the servers: each has a key of its own, and both have one. */
async function twins(group: ServerGroup): Promise<[older: Client, newer: Client]> {
  const older = await group.v1(0, twin, 'a', 'both')
  await later()
  return [older, await group.v1(1, twin, 'b', 'both')]
}

/** Peers on each of three servers who share keys with one or both of the sessions. */
async function audience(group: ServerGroup): Promise<{ client: Client; keys: string[] }[]> {
  const found: { client: Client; keys: string[] }[] = []
  for (const member of [0, 1, 2]) {
    for (const keys of [['a'], ['b'], ['both'], ['both', 'c', 'b', 'a']]) {
      found.push({ client: await group.v1(member, `${member}-${keys.join('')}`, ...keys), keys })
    }
  }
  const introduced = () =>
    found.every(({ client, keys }) =>
      keys.every((key) => key === 'c' || seen(client).some((m) => has(m, key))),
    )
  await eventually(introduced, 'everybody to be introduced')
  return found
}

const has = ({ keys }: Fields, key: string) => (keys as string[]).includes(key)

/** Resolves when all of the audience know this of the twin. */
async function expectKnown(
  clients: readonly { client: Client; keys: string[] }[],
  shown: Record<string, unknown>,
): Promise<void> {
  const wrong = () =>
    clients.flatMap(({ client, keys }) =>
      keys
        .filter((key) => key in shown && known(client, key, twin) !== shown[key])
        .map((key) => `${String(known(client, key, twin))} on ${key}`),
    )
  await eventually(
    () => wrong().length === 0,
    () => `${JSON.stringify(shown)}, not ${wrong().join(', ')}`,
  )
}

let newcomers = 0

/** Resolves when a peer that comes to a server is shown this of the twin. */
async function expectShown(
  group: ServerGroup,
  member: number,
  key: string,
  info: unknown,
): Promise<void> {
  let shown: unknown
  const right = async () => {
    const fresh = await group.v1(member, `newcomer-${++newcomers}`, key)
    await eventually(() => seen(fresh).length > 0, 'an introduction')
    shown = known(fresh, key, twin)
    await fresh.kill()
    return shown === info
  }
  await eventually(right, () => `${String(info)}, not ${String(shown)}`)
}

describe('what one of several sessions of a peer announces', () => {
  test('is shown on the keys of which it has the introductions, once', async () => {
    const group = await ServerGroup.start(3)
    const [older, newer] = await twins(group)
    const clients = await audience(group)
    announce(newer, 'newer')
    announce(older, 'older')
    await expectKnown(clients, { a: 'older', b: 'newer', both: 'newer' })
    for (const { client, keys } of clients) {
      const onKeys = types(client, 'Update').flatMap((update) => update.keys as string[])
      expect(onKeys.sort()).toEqual(keys.filter((key) => key !== 'c').sort())
    }
    for (const member of [0, 1, 2]) {
      await expectShown(group, member, 'a', 'older')
      await expectShown(group, member, 'both', 'newer')
    }
    const toItself = [older, newer].flatMap((client) => types(client, 'Update'))
    expect(toItself).toEqual([])
  })

  test('is not shown on a key that only another session has joined', async () => {
    const group = await ServerGroup.start(2)
    await group.v1(0, twin, 'a')
    const watcher = await group.v1(1, 'watcher', 'a')
    const stranger = await group.v1(1, twin, 'b')
    announce(stranger, 'not of a')
    await stranger.settled()
    await expectShown(group, 0, 'a', undefined)
    expect(types(watcher, 'Update')).toEqual([])
  })

  test('is known, though a Join and its answers cross it', async () => {
    const group = await ServerGroup.start(2)
    group.bus.delay = ({ t }) => (t === 'here' ? 50 : 0)
    const far = await group.v1(1, 'far', 'a', 'b')
    const near = await group.v1(0, twin, 'a', 'b')
    await far.next('Introduction')
    announce(near, 'said before the answers came')
    await eventually(
      () => ['a', 'b'].every((key) => known(far, key, twin) === 'said before the answers came'),
      'its info',
    )
  })

  test('comes in order and not twice, however long messages take and however many there are', async () => {
    const group = await ServerGroup.start(3)
    const [, newer] = await twins(group)
    const clients = await audience(group)
    const below = numbers(7)
    group.bus.delay = () => below(20)
    const last = 60
    for (let n = 1; n <= last; n++) {
      announce(newer, n)
      if (n % 3 === 0) await newer.settled()
    }
    await expectKnown(clients, { b: last, both: last })
    group.bus.delay = () => 0
    announce(newer, last + 1)
    await expectKnown(clients, { b: last + 1, both: last + 1 })
    for (const { client, keys } of clients) {
      for (const key of keys) {
        const shown = types(client, 'Update').filter((update) => has(update, key))
        const infos = shown.map(({ info }) => info as number)
        expect(infos).toEqual([...new Set(infos)].sort((one, other) => one - other))
      }
    }
  })

  test.for([0, 20])(
    'is the same for all in the end, however many come and announce at once (400 rounds, %i ms)',
    { timeout: 60_000 },
    async (delay) => {
      const group = await ServerGroup.start(3)
      const below = numbers(11)
      if (delay > 0) group.bus.delay = () => below(delay)
      const watchers = await Promise.all(
        [0, 1, 2, 0, 1, 2].map((member, n) => group.v1(member, `watcher-${n}`, 'k')),
      )
      await expectAgreement(watchers, 'k', (member, id) => group.v1(member, id), 400)
      await Promise.all(watchers.map((watcher) => watcher.kill()))
      await group.expectQuiet()
    },
  )
})

test(
  'whatever comes, goes and is announced, all agree in the end',
  { timeout: 60_000 },
  async () => {
    const below = numbers(3)
    const keys = ['a', 'b', 'c', 'd']
    for (let round = 0; round < 10; round++) {
      const group = await ServerGroup.start(3)
      group.bus.delay = () => (round % 2 === 0 ? 0 : below(15))
      const watchers: { client: Client; keys: string[] }[] = []
      for (let n = 0; n < 9; n++) {
        const some = ['a', ...keys.slice(1).filter(() => below(2) === 0)]
        watchers.push({ client: await group.v1(n % 3, `watcher-${n}`, ...some), keys: some })
      }
      const first = await group.v1(0, twin, 'a')
      const sessions = [{ client: first, keys: ['a'], said: undefined as string | undefined }]
      for (let step = 0; step < 40; step++) {
        const what = below(10)
        if (what < 2 && sessions.length < 5) {
          await later()
          const some = keys.filter(() => below(2) === 0)
          const client = await group.v1(below(3), twin, ...some)
          sessions.push({ client, keys: some, said: undefined })
        } else if (what < 4 && sessions.length > 1) {
          // the first stays
          await sessions.splice(1 + below(sessions.length - 1), 1)[0]!.client.close()
        } else {
          const one = sessions[below(sessions.length)]!
          one.said = `step ${step} of round ${round}`
          announce(one.client, one.said)
          if (below(2) === 0) await one.client.settled()
        }
      }
      const shown: Record<string, unknown> = {}
      for (const key of keys) {
        const newest = sessions.findLast((session) => session.keys.includes(key))
        if (!newest) continue
        shown[key] = newest.said
        for (const member of [0, 1, 2]) await expectShown(group, member, key, newest.said)
      }
      await expectKnown(watchers, shown)
      for (const { client } of [...watchers, ...sessions]) await client.close()
      await group.expectQuiet()
    }
  },
)

describe('row 63: when the session with the introductions of a key is gone', () => {
  test('an older one is introduced again, and shows its own info', async () => {
    const group = await ServerGroup.start(3)
    const [older, newer] = await twins(group)
    announce(older, 'older')
    announce(newer, 'newer')
    const clients = await audience(group)
    await expectKnown(clients, { a: 'older', both: 'newer' })
    await newer.close()
    const onBoth = clients.filter(({ keys }) => keys.includes('both'))
    await expectKnown(onBoth, { both: 'older' })
    for (const { client } of onBoth) {
      expect(types(client, 'Introduction').at(-1)).toMatchObject({ keys: ['both'], info: 'older' })
      expect(types(client, 'Departure').flatMap(({ keys }) => keys)).not.toContain('both')
    }
    // and they to it, wherever they are
    for (const member of [0, 1, 2]) {
      const met = () => types(older, 'Introduction', `${member}-both`).some((m) => has(m, 'both'))
      await eventually(met, `an introduction to ${member}-both`)
    }
    await older.close()
    for (const { client } of clients) await client.close()
    await group.expectQuiet()
  })

  test.for([0, 1])('by a Leave, an older one on server %i is introduced again', async (member) => {
    const group = await ServerGroup.start(2)
    const older = await group.v1(member, twin, 'both')
    announce(older, 'older')
    await later()
    const newer = await group.v1(1, twin, 'both', 'b')
    const peers = [await group.v1(0, 'near', 'both'), await group.v1(1, 'far', 'both')]
    for (const peer of peers) expect((await peer.next('Introduction')).id).toBe('twin')
    expect((await older.next('Replaced')).keys).toEqual(['both'])
    newer.send({ type: 'Leave', leave: ['both'] })
    const met = [await older.next('Introduction'), await older.next('Introduction')]
    expect(met.map(({ id }) => id).sort()).toEqual(['far', 'near'])
    for (const peer of peers) {
      await eventually(() => known(peer, 'both', twin) === 'older', 'to be introduced again')
    }
  })

  test('an introduction after a broken pipe shows what the older one has announced', async () => {
    const group = await ServerGroup.start(2)
    const [older, newer] = await twins(group)
    announce(older, 'older')
    announce(newer, 'newer')
    const far = await group.v1(1, 'far', 'both')
    await eventually(() => known(far, 'both', twin) === 'newer', 'the newer')
    await newer.close()
    await eventually(() => known(far, 'both', twin) === 'older', 'the older')
    const [a, b] = await group.pair([0, 1], 'both', [twin, 'far'])
    const count = seen(far).length
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    await eventually(() => seen(far).length > count, 'to be introduced again')
    expect(seen(far).at(-1)).toMatchObject({ type: 'Introduction', info: 'older', again: true })
  })

  test('with its server, an older one is introduced again', async () => {
    const group = await ServerGroup.start(3)
    const [older, newer] = await twins(group)
    announce(older, 'older')
    announce(newer, 'newer')
    const watcher = await group.v1(2, 'watcher', 'both')
    await eventually(() => known(watcher, 'both', twin) === 'newer', 'the newer')
    await group.members[1]!.server.close()
    await eventually(() => known(watcher, 'both', twin) === 'older', 'the older')
    for (const member of [0, 2]) await expectShown(group, member, 'both', 'older')
  })

  test(
    'with a server that is taken for dead, an older one is, until that server is there again',
    { timeout: 40_000 },
    async () => {
      const group = await ServerGroup.start(3)
      const [older, newer] = await twins(group)
      announce(older, 'older')
      announce(newer, 'newer')
      const watcher = await group.v1(2, 'watcher', 'both', 'b')
      await eventually(() => known(watcher, 'both', twin) === 'newer', 'the newer')
      group.buses[1]!.mute = true
      expect((await watcher.next('Departure', 15_000)).keys).toEqual(['b'])
      await eventually(() => known(watcher, 'both', twin) === 'older', 'the older')
      announce(older, 'older, later')
      await eventually(
        () => known(watcher, 'both', twin) === 'older, later',
        'what is shown meanwhile',
      )
      group.buses[1]!.mute = false
      await eventually(() => known(watcher, 'both', twin) === 'newer', 'the newer again')
      for (const member of [0, 1, 2]) await expectShown(group, member, 'both', 'newer')
    },
  )
})

describe('while the bus is down', () => {
  const set = (group: ServerGroup, up: boolean) => {
    for (const bus of group.buses) bus.up = up
  }

  test('what is announced is shown on that server, and to all others after it, once', async () => {
    const group = await ServerGroup.start(3)
    const [, newer] = await twins(group)
    const clients = await audience(group)
    announce(newer, 'before')
    await expectKnown(clients, { b: 'before', both: 'before' })
    set(group, false)
    announce(newer, 'during')
    await expectKnown(clients.slice(4, 8), { b: 'during', both: 'during' })
    const far = [...clients.slice(0, 4), ...clients.slice(8)]
    await expectKnown(far, { b: 'before', both: 'before' })
    set(group, true)
    await expectKnown(clients, { b: 'during', both: 'during' })
    announce(newer, 'after')
    await expectKnown(clients, { b: 'after', both: 'after' })
    for (const { client, keys } of clients) {
      for (const key of keys) {
        const updates = types(client, 'Update').filter((update) => has(update, key))
        expect(updates.map(({ info }) => info)).toEqual([...new Set(updates.map((u) => u.info))])
      }
    }
  })

  test.for([0, 1])('what ends is over after it, whichever server was cut off: %i', async (cut) => {
    const group = await ServerGroup.start(3)
    const [older, newer] = await twins(group)
    announce(older, 'older')
    announce(newer, 'newer')
    for (const member of [0, 2]) await expectShown(group, member, 'both', 'newer')
    group.buses[cut]!.up = false
    await newer.close()
    group.buses[cut]!.up = true
    for (const member of [0, 2]) await expectShown(group, member, 'both', 'older')
  })
})
