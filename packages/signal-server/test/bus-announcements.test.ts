import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { Fleet } from './harness/fleet.js'

const id = 'twin'

const seen = (client: Client): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((each) => each.id === id)

/** What a client was shown of the twin as it became, in order. */
const updates = (client: Client): unknown[] =>
  seen(client)
    .filter(({ type }) => type === 'Update')
    .map(({ info }) => info)

/** What a client knows of the twin, however it was told. */
const known = (client: Client): unknown =>
  seen(client).findLast(({ type }) => type === 'Update' || type === 'Introduction')?.info

const announce = (client: Client, info: unknown) => client.send({ type: 'Announce', info })

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/** The twin's two sessions, which share no key, on two of the servers. */
async function twins(fleet: Fleet): Promise<[older: Client, newer: Client]> {
  const older = await fleet.v1(0, id, 'a')
  await later()
  return [older, await fleet.v1(1, id, 'b')]
}

/** Peers on each of three servers who share keys with one or both of the sessions. */
async function audience(fleet: Fleet): Promise<Client[]> {
  const clients: Client[] = []
  for (const ship of [0, 1, 2]) {
    for (const keys of [['a'], ['b'], ['a', 'b'], ['b', 'a', 'c']]) {
      clients.push(await fleet.v1(ship, `${ship}-${keys.join('')}`, ...keys))
    }
  }
  const introduced = () => clients.every((client) => seen(client).length > 0)
  await eventually(introduced, 'everybody to be introduced')
  return clients
}

/** Resolves when who comes to a server is shown this of the twin. */
async function expectShown(fleet: Fleet, ship: number, key: string, info: unknown): Promise<void> {
  let shown: unknown
  const right = async () => {
    const fresh = await fleet.v1(ship, `fresh-${Math.random()}`, key)
    await eventually(() => seen(fresh).length > 0, 'an introduction')
    shown = known(fresh)
    await fresh.kill()
    return shown === info
  }
  await eventually(right, () => `${String(info)}, not ${String(shown)}`)
}

describe('what a peer announces in one of its sessions', () => {
  test('is shown to the peers of all of them, once, and the newest session counts', async () => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    const clients = await audience(fleet)
    announce(newer, 'newer')
    await eventually(() => clients.every((client) => known(client) === 'newer'), 'the newer')
    announce(older, 'older')
    await older.settled()
    for (const ship of [0, 1, 2]) {
      for (const key of ['a', 'b']) await expectShown(fleet, ship, key, 'newer')
    }
    announce(newer, 'at last')
    await eventually(() => clients.every((client) => known(client) === 'at last'), 'the last')
    for (const client of clients) expect(updates(client)).toEqual(['newer', 'at last'])
    expect(updates(older)).toEqual([])
  })

  test.for(['announced', 'here', 'join'] as const)(
    'is known to those whom it meets by a later one, should "%s" take its time',
    async (slow) => {
      const fleet = await Fleet.sail(3)
      fleet.bus.delay = ({ t }) => (t === slow ? 50 : 0)
      const older = await fleet.v1(0, id, 'a')
      announce(older, 'before')
      const clients = [await fleet.v1(1, 'near', 'b'), await fleet.v1(2, 'far', 'b')]
      await later()
      await fleet.v1(1, id, 'b')
      await eventually(() => clients.every((client) => known(client) === 'before'), 'its info')
      expect(clients.every((client) => updates(client).length <= 1)).toBe(true)
    },
  )

  test('is known, though a Join and its answers cross it', async () => {
    const fleet = await Fleet.sail(2)
    fleet.bus.delay = ({ t }) => (t === 'here' ? 50 : 0)
    const far = await fleet.v1(1, 'far', 'a', 'b')
    const twin = await fleet.v1(0, id, 'a', 'b')
    await far.next('Introduction')
    announce(twin, 'said before the answers came')
    await eventually(() => known(far) !== undefined, 'its info')
    await twin.settled()
    expect(updates(far)).toEqual(['said before the answers came'])
  })

  test('counts before it has joined anything', async () => {
    const fleet = await Fleet.sail(2)
    const older = await fleet.v1(0, id, 'a')
    announce(older, 'older')
    const watcher = await fleet.v1(0, 'watcher', 'a')
    await later()
    const newer = await fleet.v1(1, id)
    announce(newer, 'newer')
    expect((await watcher.next('Update')).info).toBe('newer')
  })

  test('comes in order and not twice, however long messages take and however many there are', async () => {
    const fleet = await Fleet.sail(3)
    const [, newer] = await twins(fleet)
    const clients = await audience(fleet)
    // drawn once, so that the test is the same each time
    let seed = 7
    fleet.bus.delay = () => (seed = (seed * 16_807) % 2_147_483_647) % 20
    const last = 60
    for (let n = 1; n <= last; n++) {
      announce(newer, n)
      if (n % 3 === 0) await newer.settled()
    }
    await eventually(() => clients.every((client) => known(client) === last), 'the last one')
    fleet.bus.delay = () => 0
    announce(newer, last + 1)
    await eventually(() => clients.every((client) => known(client) === last + 1), 'one more')
    for (const client of clients) {
      const numbers = updates(client) as number[]
      expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other))
    }
  })

  test('is taken back where a newer one was on its way, which nobody misses', async () => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    const clients = await audience(fleet)
    fleet.bus.delay = ({ t }) => (t === 'announced' || t === 'update' ? 100 : 0)
    announce(newer, 'newer')
    await newer.settled()
    await later()
    announce(older, 'older')
    await eventually(() => clients.every((client) => updates(client).length > 0), 'Updates')
    await eventually(
      () => clients.every((client) => known(client) === 'newer'),
      () => clients.map(known).join(', '),
    )
    // who shares only that key, elsewhere, cannot have known better
    expect(updates(clients[8]!)).toEqual(['older', 'newer'])
    expect(updates(clients[10]!).at(-1)).toBe('newer')
  })

  test('is the same for all in the end, where several sessions announce at once', async () => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    const clients = await audience(fleet)
    let seed = 11
    fleet.bus.delay = () => (seed = (seed * 16_807) % 2_147_483_647) % 10
    for (let n = 0; n < 30; n++) {
      announce(older, `older ${n}`)
      announce(newer, `newer ${n}`)
      if (n === 0 || n % 7 === 0) await Promise.all([older.settled(), newer.settled()])
    }
    await eventually(
      () => clients.every((client) => known(client) === 'newer 29'),
      () => `newer 29, not ${clients.map(known).join(', ')}`,
    )
    for (const ship of [0, 1, 2]) await expectShown(fleet, ship, 'a', 'newer 29')
  })
})

test(
  'whatever comes, goes and is announced, all agree in the end',
  { timeout: 60_000 },
  async () => {
    // the same each time
    let seed = 3
    const below = (n: number) => (seed = (seed * 16_807) % 2_147_483_647) % n
    // of each server, so that its sessions share none with those of others
    const keys = [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ]
    for (let round = 0; round < 10; round++) {
      const fleet = await Fleet.sail(3)
      fleet.bus.delay = () => (round % 2 === 0 ? 0 : below(15))
      const watchers: Client[] = []
      for (let n = 0; n < 9; n++) {
        const some = keys.flat().filter(() => below(2) === 0)
        watchers.push(await fleet.v1(n % 3, `watcher-${n}`, 'a', ...some))
      }
      const first = await fleet.v1(0, id, 'a')
      const sessions = [{ client: first, keys: ['a'], said: undefined as string | undefined }]
      for (let step = 0; step < 40; step++) {
        const what = below(10)
        if (what < 2 && sessions.length < 5) {
          await later()
          const ship = below(3)
          const some = keys[ship]!.filter(() => below(2) === 0)
          sessions.push({ client: await fleet.v1(ship, id, ...some), keys: some, said: undefined })
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
      const counts = sessions.findLast(({ said }) => said)?.said
      for (const { client } of sessions) await client.settled()
      const shared = new Set(sessions.flatMap((session) => session.keys))
      for (const ship of [0, 1, 2]) {
        for (const key of shared) await expectShown(fleet, ship, key, counts)
      }
      announce(sessions.at(-1)!.client, 'the last')
      await eventually(() => watchers.every((one) => known(one) === 'the last'), 'the last')
      for (const one of watchers) {
        expect(updates(one).filter((info) => info === 'the last').length).toBe(1)
      }
      for (const client of [...watchers, ...sessions.map((session) => session.client)]) {
        await client.close()
      }
      await fleet.expectQuiet()
    }
  },
)

describe('when what counted is gone', () => {
  test('with its session, the older counts again, of which nobody is told', async () => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    announce(older, 'older')
    const clients = await audience(fleet)
    announce(newer, 'newer')
    await eventually(() => clients.every((client) => known(client) === 'newer'), 'the newer')
    const before = clients.map(updates)
    await newer.close()
    for (const ship of [0, 1, 2]) await expectShown(fleet, ship, 'a', 'older')
    expect(clients.map(updates)).toEqual(before)
    announce(older, 'older, later')
    const onA = clients.filter((_, n) => n % 4 !== 1)
    await eventually(() => onA.every((client) => known(client) === 'older, later'), 'the older')
    await older.close()
    const again = await fleet.v1(2, id, 'a')
    await expectShown(fleet, 0, 'a', undefined)
    for (const client of [...clients, again]) await client.close()
    await fleet.expectQuiet()
  })

  test('an introduction of others tells what counts now', async () => {
    const fleet = await Fleet.sail(2)
    const [older, newer] = await twins(fleet)
    announce(older, 'older')
    announce(newer, 'newer')
    const far = await fleet.v1(1, 'far', 'a')
    await eventually(() => known(far) === 'newer', 'the newer')
    await newer.close()
    await expectShown(fleet, 1, 'a', 'older')
    // the pipe of the two ends without a word, and they are introduced anew
    const [a, b] = await fleet.pair([0, 1], 'a', [id, 'far'])
    const count = seen(far).length
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    await eventually(() => seen(far).length > count, 'to be introduced again')
    expect(seen(far).at(-1)).toMatchObject({ type: 'Introduction', info: 'older', again: true })
  })

  test('with its server, the older counts again', async () => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    announce(older, 'older')
    announce(newer, 'newer')
    for (const ship of [0, 2]) await expectShown(fleet, ship, 'a', 'newer')
    await fleet.ships[1]!.server.close()
    for (const ship of [0, 2]) await expectShown(fleet, ship, 'a', 'older')
  })

  test(
    'with a server that is taken for dead, the older counts until it is there again',
    { timeout: 40_000 },
    async () => {
      const fleet = await Fleet.sail(3)
      const [older, newer] = await twins(fleet)
      announce(older, 'older')
      announce(newer, 'newer')
      const watcher = await fleet.v1(2, 'watcher', 'a', 'b')
      await eventually(() => known(watcher) === 'newer', 'the newer')
      fleet.buses[1]!.mute = true
      await watcher.next('Departure', 15_000)
      await expectShown(fleet, 2, 'a', 'older')
      announce(older, 'older, later')
      await eventually(() => known(watcher) === 'older, later', 'what counts meanwhile')
      fleet.buses[1]!.mute = false
      await eventually(() => known(watcher) === 'newer', 'the newer again')
      for (const ship of [0, 1, 2]) await expectShown(fleet, ship, 'a', 'newer')
    },
  )
})

describe('while the bus is down', () => {
  const set = (fleet: Fleet, up: boolean) => {
    for (const bus of fleet.buses) bus.up = up
  }

  test('what is announced is shown on that server, and to all others after it, once', async () => {
    const fleet = await Fleet.sail(3)
    const [, newer] = await twins(fleet)
    const clients = await audience(fleet)
    announce(newer, 'before')
    await eventually(() => clients.every((client) => known(client) === 'before'), 'the first')
    set(fleet, false)
    announce(newer, 'during')
    // who shares a key with it there
    const near = clients.slice(5, 8)
    await eventually(() => near.every((client) => known(client) === 'during'), 'the second')
    expect(clients.filter((client) => known(client) === 'during')).toEqual(near)
    set(fleet, true)
    await eventually(() => clients.every((client) => known(client) === 'during'), 'the second')
    announce(newer, 'after')
    await eventually(() => clients.every((client) => known(client) === 'after'), 'the third')
    for (const client of clients) {
      const all = updates(client)
      expect(all).toEqual([...new Set(all)])
    }
  })

  test.for([0, 1])('what ends is over after it, whichever server was cut off: %i', async (cut) => {
    const fleet = await Fleet.sail(3)
    const [older, newer] = await twins(fleet)
    announce(older, 'older')
    announce(newer, 'newer')
    for (const ship of [0, 2]) await expectShown(fleet, ship, 'a', 'newer')
    fleet.buses[cut]!.up = false
    await newer.close()
    await expectShown(fleet, 0, 'a', 'newer')
    fleet.buses[cut]!.up = true
    for (const ship of [0, 2]) await expectShown(fleet, ship, 'a', 'older')
  })

  test('who comes finds what was announced elsewhere once it is up', async () => {
    const fleet = await Fleet.sail(2)
    const older = await fleet.v1(0, id, 'a')
    announce(older, 'older')
    const watcher = await fleet.v1(1, 'watcher', 'b')
    set(fleet, false)
    await later()
    await fleet.v1(1, id, 'b')
    expect((await watcher.next('Introduction')).info).toBeUndefined()
    set(fleet, true)
    expect((await watcher.next('Update')).info).toBe('older')
  })
})
