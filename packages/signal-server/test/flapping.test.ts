import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { ServerGroup } from './harness/server-group.js'

const key = 'k'
const rounds = 40

const about = (client: Client, id: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((each) => each.id === id)

const count = (client: Client, id: string, type: string) =>
  about(client, id).filter((each) => each.type === type).length

/** How a peer comes back to a key all the time; whether it is there at the end. */
type Flapping = (group: ServerGroup, members: readonly number[]) => Promise<Client | undefined>

const join = { type: 'Join', join: [key] }
const leave = { type: 'Leave', leave: [key] }

const ways: Record<string, Flapping> = {
  'by Join and Leave, and stays': async (group, members) => {
    const flapper = await group.v1(members[0]!, 'flapper')
    for (let n = 0; n < rounds; n++) {
      flapper.send(join)
      if (n < rounds - 1) flapper.send(leave)
      await flapper.settled()
    }
    return flapper
  },
  'by Join and Leave, and goes': async (group, members) => {
    const flapper = await group.v1(members[0]!, 'flapper')
    for (let n = 0; n < rounds; n++) {
      flapper.send(join)
      flapper.send(leave)
      await flapper.settled()
    }
    await flapper.close()
    return undefined
  },
  'with one socket after the other, and stays': async (group, members) => {
    for (let n = 0; ; n++) {
      const flapper = await group.v1(members[n % members.length]!, 'flapper', key)
      if (n === rounds) return flapper
      await flapper.kill()
    }
  },
  'with one socket after the other, and goes': async (group, members) => {
    for (let n = 0; n < rounds; n++) {
      await (await group.v1(members[n % members.length]!, 'flapper', key)).kill()
    }
    return undefined
  },
  'with a newer session that comes and goes beside an older one': async (group, members) => {
    const older = await group.v1(members[0]!, 'flapper', key)
    older.send({ type: 'Announce', info: 'at last' })
    await older.settled()
    for (let n = 0; n < rounds; n++) {
      await (await group.v1(members[n % members.length]!, 'flapper', key)).kill()
    }
    return older
  },
  'by a Join of a key that it has': async (group, members) => {
    const flapper = await group.v1(members[0]!, 'flapper', key)
    for (let n = 0; n < rounds; n++) flapper.send(join)
    await flapper.settled()
    return flapper
  },
}

const places = {
  'on the server of the others': [0],
  'on another server than the others': [1],
  'on several servers in turn': [1, 0, 2],
}

describe.each(Object.entries(places))('row 53: a peer that comes back %s', (_place, members) => {
  test.each(Object.entries(ways))(
    '%s, is told to the others with pauses, and not lost',
    { timeout: 40_000 },
    async (_way, flap) => {
      const group = await ServerGroup.start(3)
      const watchers = [await group.v1(0, 'first', key), await group.v1(0, 'second', key)]
      const since = performance.now()
      const left = await flap(group, members)
      const newcomer = await group.v1(0, 'newcomer', key)
      left?.send({ type: 'Announce', info: 'at last' })
      await left?.settled()
      const isRight = (client: Client) => {
        const last = about(client, 'flapper').findLast(({ type }) => type !== 'Update')
        if (!left) return last?.type !== 'Introduction'
        return about(client, 'flapper').at(-1)?.info === 'at last' && last?.type === 'Introduction'
      }
      await eventually(
        () => [...watchers, newcomer].every(isRight),
        () => watchers.map((one) => JSON.stringify(about(one, 'flapper').at(-1))).join(', '),
      )
      const most = 3 + Math.ceil((performance.now() - since) / 2_000)
      for (const watcher of watchers) {
        expect(count(watcher, 'flapper', 'Introduction')).toBeLessThanOrEqual(most)
        const departures = count(watcher, 'flapper', 'Departure')
        expect(departures).toBeLessThanOrEqual(count(watcher, 'flapper', 'Introduction'))
      }
      // whoever was told nothing in a pause is told nothing of its end either
      if (!left) {
        const unbalanced = count(newcomer, 'flapper', 'Departure')
        expect(unbalanced).toBeLessThanOrEqual(count(newcomer, 'flapper', 'Introduction'))
      }
      await left?.close()
      for (const client of [...watchers, newcomer]) await client.close()
      await group.expectQuiet()
    },
  )
})

describe('row 53: a session that asks again and again', () => {
  test.each([0, 1])('is answered each time, at once, by peers on server %i', async (member) => {
    const group = await ServerGroup.start(2)
    const other = await group.v1(member, 'other', key)
    const asking = await group.v1(0, 'asking', key)
    await asking.next('Introduction')
    for (let n = 0; n < 20; n++) {
      asking.send(join)
      expect(await asking.next('Introduction', 1_500)).toMatchObject({ id: 'other', keys: [key] })
    }
    expect(count(other, 'asking', 'Introduction')).toBeLessThanOrEqual(5)
  })

  test('is not delayed on other keys, nor is anybody else on that key', async () => {
    const group = await ServerGroup.start(1)
    const watcher = await group.v1(0, 'watcher', key, 'another')
    const flapper = await group.v1(0, 'flapper')
    for (let n = 0; n < 10; n++) {
      flapper.send(join)
      flapper.send(leave)
    }
    flapper.send({ type: 'Join', join: [key, 'another'] })
    await flapper.settled()
    await watcher.settled()
    expect(about(watcher, 'flapper').at(-1)).toMatchObject({
      type: 'Introduction',
      keys: ['another'],
    })
    await group.v1(0, 'somebody', key)
    expect(count(watcher, 'somebody', 'Introduction')).toBe(1)
  })
})
