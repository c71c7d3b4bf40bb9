import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { ServerGroup } from './harness/server-group.js'

const got = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((each) => each.type === type)

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/**
 * A peer on one server, a session that was opened under its id on the same server or on another one
 * and has joined another key, and a peer of either key, on one of the servers.
 */
async function impersonated(other: number, others: number) {
  const group = await ServerGroup.start(2)
  const real = await group.v1(0, 'alice', 'b')
  await later()
  const forged = await group.v1(other, 'alice', 'x')
  const bob = await group.v1(others, 'bob', 'b')
  const mate = await group.v1(others, 'mate', 'x')
  await bob.next('Introduction')
  await mate.next('Introduction')
  return { group, real, forged, bob, mate }
}

const places = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const

describe.each(places)(
  'row 54: a session on server %i under the id of another, for peers on server %i',
  (other, others) => {
    test('cannot signal to the peers of keys that it has not joined', async () => {
      const { real, forged, bob, mate } = await impersonated(other, others)
      forged.send({ type: 'Signal', to: 'bob', signal: 'forged' })
      expect(await forged.next('Error')).toMatchObject({ code: 'unknown_peer', id: 'bob' })
      forged.send({ type: 'Signal', to: 'mate', signal: 'shared' })
      expect(await mate.next('Signal')).toMatchObject({ from: 'alice', signal: 'shared' })
      real.send({ type: 'Signal', to: 'bob', signal: 'real' })
      expect((await bob.next('Signal')).signal).toBe('real')
      expect(got(bob, 'Signal')).toHaveLength(1)
    })

    test('gets no signals that are sent on keys that it has not joined', async () => {
      const { real, forged, bob } = await impersonated(other, others)
      bob.send({ type: 'Signal', to: 'alice', signal: 'for b' })
      expect((await real.next('Signal')).signal).toBe('for b')
      await forged.settled()
      expect(got(forged, 'Signal')).toEqual([])
    })

    test('cannot announce to the peers of keys that it has not joined', async () => {
      const { real, forged, bob, mate } = await impersonated(other, others)
      forged.send({ type: 'Announce', info: 'forged' })
      expect(await mate.next('Update')).toEqual({
        type: 'Update',
        id: 'alice',
        info: 'forged',
        keys: ['x'],
      })
      real.send({ type: 'Announce', info: 'real' })
      expect(await bob.next('Update')).toEqual({
        type: 'Update',
        id: 'alice',
        info: 'real',
        keys: ['b'],
      })
      expect(got(bob, 'Update')).toHaveLength(1)
      expect(got(mate, 'Update')).toHaveLength(1)
    })

    test('that joins keys of the older one is told to it, and to nobody else', async () => {
      const { group, real, forged, bob } = await impersonated(other, others)
      forged.send({ type: 'Join', join: ['y', 'b'] })
      expect(await real.next('Replaced')).toEqual({ type: 'Replaced', keys: ['b'] })
      await forged.settled()
      await bob.settled()
      expect([...got(forged, 'Replaced'), ...got(bob, 'Replaced')]).toEqual([])
      // an older one that comes to a key later has not got it either
      real.send({ type: 'Join', join: ['x', 'z'] })
      expect(await real.next('Replaced')).toEqual({ type: 'Replaced', keys: ['x'] })
      const old = await group.client(0, '/introduction/carol')
      old.send({ join: ['b'] })
      await old.settled()
      await later()
      await group.v1(other, 'carol', 'b')
      await old.settled()
      expect(got(old, 'Replaced')).toEqual([])
    })
  },
)

test('keys which several sessions of a peer have come in an Introduction for each', async () => {
  const group = await ServerGroup.start(2)
  for (const [n, keys] of [['a', 'b'], ['b'], ['c']].entries()) {
    const session = await group.v1(0, 'many', ...keys)
    session.send({ type: 'Announce', info: n })
    await session.settled()
  }
  for (const member of [0, 1]) {
    const watcher = await group.v1(member, `watcher-${member}`, 'c', 'b', 'a')
    const about = () => got(watcher, 'Introduction').filter(({ id }) => id === 'many')
    await eventually(() => about().length === 3, 'three introductions')
    const shown = about().map(({ keys, info }) => [info, keys])
    expect(shown.sort()).toEqual([
      [0, ['a']],
      [1, ['b']],
      [2, ['c']],
    ])
  }
})

describe.each([0, 1])(
  'row 54: an older session, while newer ones on server %i come and go',
  (other) => {
    const join = { type: 'Join', join: ['k'] }
    const leave = { type: 'Leave', leave: ['k'] }

    /** What a session was told last of whether it has the introductions of the key. */
    const last = ({ seen }: Client) =>
      seen
        .map(({ text }) => (JSON.parse(text) as Fields).type)
        .findLast((type) => type === 'Introduction' || type === 'Replaced')

    /** An older session that has the key again, and a newer one that has left it. */
    async function sessions() {
      const group = await ServerGroup.start(2)
      const peer = await group.v1(0, 'peer', 'k')
      const older = await group.v1(0, 'alice', 'k')
      await later()
      const newer = await group.v1(other, 'alice', 'k')
      await eventually(() => last(older) === 'Replaced', 'to be replaced')
      newer.send(leave)
      await eventually(() => last(older) === 'Introduction', 'to be introduced')
      return { group, peer, older, newer }
    }

    test('is told that it has lost a key of which the newest is introduced after a pause', async () => {
      const { group, peer, older, newer } = await sessions()
      newer.send(join)
      await newer.settled()
      await later()
      const newest = await group.v1(other, 'alice', 'k')
      const count = got(peer, 'Introduction').length
      await eventually(() => got(peer, 'Introduction').length > count, 'the end of the pause')
      await eventually(() => last(older) === 'Replaced', 'to be told')
      await eventually(() => last(newer) === 'Replaced', 'to be told')
      expect(last(newest)).toBe('Introduction')
    })

    test('is told so as well if the newer one has left and joined the key in the pause', async () => {
      const { peer, older, newer } = await sessions()
      const count = got(peer, 'Introduction').length
      for (const message of [join, leave, join]) newer.send(message)
      await newer.settled()
      await eventually(() => got(peer, 'Introduction').length > count, 'the end of the pause')
      await eventually(() => last(older) === 'Replaced', 'to be told')
      expect(last(newer)).toBe('Introduction')
    })
  },
)
