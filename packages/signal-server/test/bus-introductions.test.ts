import { pack, unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { ServerGroup } from './harness/server-group.js'

const key = 'happy-raccoon'

/** How a client of a generation joins, and what it reads of an Introduction. */
const dialects = {
  v0: {
    join: (keys: string[]) => JSON.stringify({ type: 'Join', join: keys }),
    read: (client: Client) => client.json(),
    told: (id: string, keys: string[]) => ({ type: 'Introduction', id, keys }),
  },
  v3: {
    join: (keys: string[]) => JSON.stringify({ type: 'Join', documentIds: keys }),
    read: (client: Client) => client.json(),
    told: (id: string, keys: string[]) => ({
      type: 'Introduction',
      userName: id,
      documentIds: keys,
    }),
  },
  v4: {
    join: (keys: string[]) => pack({ type: 'Join', documentIds: keys }),
    read: async (client: Client) => unpack((await client.messages.next()).bytes) as Fields,
    told: (id: string, keys: string[]) => ({ type: 'Introduction', peerId: id, documentIds: keys }),
  },
  'signal.v1': {
    join: (keys: string[]) => JSON.stringify({ type: 'Join', join: keys }),
    read: (client: Client) => client.next('Introduction'),
    told: (id: string, keys: string[]) => ({ type: 'Introduction', id, keys }),
  },
}
type Generation = keyof typeof dialects
const generations = Object.keys(dialects) as Generation[]

async function join(
  group: ServerGroup,
  member: number,
  generation: Generation,
  id: string,
  keys: string[],
) {
  const protocols = generation === 'signal.v1' ? ['signal.v1'] : []
  const client = await group.client(member, `/introduction/${id}`, protocols)
  client.send(dialects[generation].join(keys))
  await client.settled()
  return client
}

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/** The messages of a type that a client has got so far. */
const got = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((m) => m.type === type)

describe('peers of two servers that a bus joins', () => {
  test('are introduced, whichever dialects they speak and whoever comes first', async () => {
    const group = await ServerGroup.start(2)
    for (const one of generations) {
      for (const other of generations) {
        const shared = `${one}-${other}`
        const a = await join(group, 0, one, 'a', [shared, 'only-a'])
        const b = await join(group, 1, other, 'b', ['only-b', shared])
        expect(await dialects[one].read(a)).toEqual(dialects[one].told('b', [shared]))
        expect(await dialects[other].read(b)).toEqual(dialects[other].told('a', [shared]))
        await Promise.all([a.kill(), b.kill()])
      }
    }
    await group.expectQuiet()
  })

  test('are introduced with all keys that they have in common at once', async () => {
    const group = await ServerGroup.start(2)
    const keys = Array.from({ length: 1_000 }, (_, i) => `document-${i}`)
    const a = await group.v1(0, 'a', ...keys)
    const b = await group.v1(1, 'b', ...keys.slice(500), 'another')
    const toB = await b.next('Introduction')
    expect(toB.keys).toEqual(keys.slice(500))
    expect((await a.next('Introduction')).keys).toEqual(keys.slice(500))
    await b.close()
    expect((await a.next('Departure')).keys).toEqual(keys.slice(500))
    await a.close()
    await group.expectQuiet()
  })

  test('hear of each other on three servers, everyone of everyone else', async () => {
    const group = await ServerGroup.start(3)
    const peers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => group.v1(i % 3, `peer-${i}`, key)),
    )
    for (const [i, peer] of peers.entries()) {
      const others = peers.map((_, j) => `peer-${j}`).filter((_, j) => j !== i)
      const known = () => new Set(got(peer, 'Introduction').map(({ id }) => id as string))
      await eventually(() => known().size === others.length, `${others.length} introductions`)
      expect([...known()].sort()).toEqual(others.sort())
    }
    await Promise.all(peers.map((peer) => peer.kill()))
    await group.expectQuiet()
  })

  test('are introduced again when one asks again', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key)
    const b = await group.v1(1, 'b', key)
    await Promise.all([a.next('Introduction'), b.next('Introduction')])
    b.send({ type: 'Join', join: [key] })
    await Promise.all([a.next('Introduction'), b.next('Introduction')])
  })

  test('hear a Departure when one leaves a key, closes, or dies without a word', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key, 'another')
    const b = await group.v1(1, 'b', key, 'another')
    await b.next('Introduction')
    b.send({ type: 'Leave', leave: ['another'] })
    expect(await a.next('Departure')).toEqual({ type: 'Departure', id: 'b', keys: ['another'] })
    await b.close()
    expect(await a.next('Departure')).toEqual({ type: 'Departure', id: 'b', keys: [key] })
    const again = await group.v1(1, 'b', key)
    await again.next('Introduction')
    await again.kill()
    expect(await a.next('Departure')).toEqual({ type: 'Departure', id: 'b', keys: [key] })
    await a.kill()
    await group.expectQuiet()
  })

  test('leave no ghost where one leaves before its subscription is acknowledged', async () => {
    const group = await ServerGroup.start(2)
    group.buses[0]!.subscribeTime = 200
    const a = await group.v1(0, 'a', key)
    a.send({ type: 'Leave', leave: [key] })
    await a.settled()
    const b = await group.v1(1, 'b', key)
    a.send({ type: 'Join', join: ['later'] })
    const c = await group.v1(1, 'c', 'later')
    await c.next('Introduction')
    expect(got(b, 'Introduction')).toEqual([])
    expect(group.bus.count('join')).toBe(2 * 2 + 3)
  })

  test('see the info of each other, as it is when they are introduced and as it becomes', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key)
    a.send({ type: 'Announce', info: { name: 'Ada' } })
    const b = await group.v1(1, 'b', key, 'another')
    expect((await b.next('Introduction')).info).toEqual({ name: 'Ada' })
    a.send({ type: 'Announce', info: 'Ada Lovelace' })
    expect(await b.next('Update')).toEqual({
      type: 'Update',
      id: 'a',
      info: 'Ada Lovelace',
      keys: [key],
    })
    b.send({ type: 'Announce', info: [1, null, 2.5e300] })
    expect((await a.next('Update')).info).toEqual([1, null, 2.5e300])
  })

  test('are told nothing of those who share no key, nor of other apps', async () => {
    const authorize = ({ localId }: { localId?: string }) => ({ app: localId!.slice(0, 1) })
    const group = await ServerGroup.start(2, { authorize: (_, claim) => authorize(claim) })
    const mine = await group.v1(0, 'm1', key)
    const other = await group.v1(1, 'o1', key)
    const stranger = await group.v1(1, 'm3', 'another')
    const friend = await group.v1(1, 'm2', key)
    expect((await mine.next('Introduction')).id).toBe('m2')
    expect((await friend.next('Introduction')).id).toBe('m1')
    mine.send({ type: 'Signal', to: 'o1', signal: 'x' })
    expect((await mine.next('Error')).code).toBe('unknown_peer')
    expect([other, stranger].flatMap((peer) => got(peer, 'Introduction'))).toEqual([])
  })
})

describe('a signal across servers', () => {
  test('arrives as it was sent, with its sender stamped', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a:ä "1"', key)
    const b = await group.v1(1, 'b', key)
    await b.next('Introduction')
    const signals = [
      '{"__proto__":{"x":1},"constructor":0}',
      '"\\ud800 half of a pair"',
      '[0,-1,1e+21,0.1,true,false,null,"",{}]',
      JSON.stringify('x'.repeat(200_000)),
    ]
    for (const signal of signals) {
      a.send(`{"type":"Signal","to":"b","from":"mallory","signal":${signal}}`)
      const { text } = await b.messages.next()
      expect(JSON.parse(text)).toEqual({
        type: 'Signal',
        from: 'a:ä "1"',
        signal: JSON.parse(signal) as unknown,
      })
      expect(text).toContain(signal.slice(0, 100))
    }
  })

  test('to a peer of an older dialect is not supported; to a stranger, unknown', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key)
    await join(group, 1, 'v3', 'old', [key])
    await join(group, 1, 'v0', 'stranger', ['another'])
    await a.next('Introduction')
    for (const [to, code] of [
      ['old', 'not_supported'],
      ['stranger', 'unknown_peer'],
      ['nobody', 'unknown_peer'],
      ['a', 'unknown_peer'],
    ]) {
      a.send({ type: 'Signal', to, signal: 1 })
      expect(await a.next('Error')).toMatchObject({ code, id: to })
    }
  })

  test('to one that has left is unknown', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key)
    const b = await group.v1(1, 'b', key)
    await a.next('Introduction')
    await b.close()
    await a.next('Departure')
    a.send({ type: 'Signal', to: 'b', signal: 1 })
    expect((await a.next('Error')).code).toBe('unknown_peer')
  })
})

describe('one id on two servers', () => {
  test('row 15: introductions go to the newest session, and to the older one when that closes', async () => {
    const group = await ServerGroup.start(2)
    const old = await group.v1(0, 'twin', key, 'only-old')
    await later()
    const fresh = await group.v1(1, 'twin', key)
    for (const member of [0, 1]) {
      const peer = await group.v1(member, `peer-${member}`, key, 'only-old')
      expect((await fresh.next('Introduction')).id).toBe(`peer-${member}`)
      await peer.next('Introduction')
      expect(await old.next('Introduction')).toMatchObject({ keys: ['only-old'] })
    }
    await fresh.close()
    const met = [await old.next('Introduction'), await old.next('Introduction')]
    expect(met.map(({ id }) => id).sort()).toEqual(['peer-0', 'peer-1'])
    const watcher = await group.v1(1, 'watcher', key)
    expect((await old.next('Introduction')).id).toBe('watcher')
    expect(got(watcher, 'Departure')).toEqual([])
    await old.kill()
    expect((await watcher.next('Departure')).id).toBe('twin')
  })

  test('row 15: is never introduced to itself, and departs with its last session', async () => {
    const group = await ServerGroup.start(3)
    const peer = await group.v1(2, 'peer', key)
    const twins = [await group.v1(0, 'twin', key), await group.v1(1, 'twin', key)]
    await twins[0]!.next('Introduction')
    await twins[1]!.next('Introduction')
    await twins[0]!.close()
    twins[1]!.send({ type: 'Join', join: [key] })
    await peer.next('Introduction')
    await twins[1]!.next('Introduction')
    expect(got(peer, 'Departure')).toEqual([])
    await twins[1]!.close()
    expect((await peer.next('Departure')).id).toBe('twin')
    for (const twin of twins) {
      expect(got(twin, 'Introduction').map(({ id }) => id)).not.toContain('twin')
    }
  })

  test('row 15: a session in the middle takes over when the newest of three closes', async () => {
    const group = await ServerGroup.start(2)
    const first = await group.v1(0, 'twin', key)
    await later()
    const second = await group.v1(1, 'twin', key)
    await later()
    const third = await group.v1(0, 'twin', key)
    const one = await group.v1(1, 'one', key)
    await third.next('Introduction')
    await one.next('Introduction')
    await third.close()
    expect((await second.next('Introduction')).id).toBe('one')
    await one.next('Introduction')
    await group.v1(0, 'two', key)
    expect((await second.next('Introduction')).id).toBe('two')
    expect(got(first, 'Introduction')).toEqual([])
  })

  test('row 15: when an older session asks again, the newest gets the answers', async () => {
    const group = await ServerGroup.start(2)
    const old = await group.v1(0, 'twin', key)
    await later()
    const fresh = await group.v1(1, 'twin', key)
    const peers = [await group.v1(0, 'p0', key), await group.v1(1, 'p1', key)]
    await Promise.all([fresh.next('Introduction'), fresh.next('Introduction')])
    for (const peer of peers) await peer.next('Introduction')
    old.send({ type: 'Join', join: [key] })
    const told = [await fresh.next('Introduction'), await fresh.next('Introduction')]
    expect(told.map(({ id }) => id).sort()).toEqual(['p0', 'p1'])
    expect(got(old, 'Introduction')).toEqual([])
  })

  test('a signal goes to the newest session that can read it', async () => {
    const group = await ServerGroup.start(2)
    const old = await group.v1(0, 'twin', key)
    await later()
    const fresh = await group.v1(1, 'twin', key)
    const legacy = await join(group, 1, 'v0', 'twin', [key])
    const near = await group.v1(0, 'near', key)
    const far = await group.v1(1, 'far', key)
    await eventually(
      () => [near, far].every((peer) => got(peer, 'Introduction').length > 0),
      'introductions',
    )
    near.send({ type: 'Signal', to: 'twin', signal: 'from near' })
    expect((await fresh.next('Signal')).signal).toBe('from near')
    far.send({ type: 'Signal', to: 'twin', signal: 'from far' })
    expect((await fresh.next('Signal')).signal).toBe('from far')
    await fresh.close()
    await legacy.close()
    far.send({ type: 'Signal', to: 'twin', signal: 'to the older' })
    expect((await old.next('Signal')).signal).toBe('to the older')
  })
})

describe('limits across servers', () => {
  test('row 17: a room that is full elsewhere is full here', async () => {
    const group = await ServerGroup.start(2, { maxPeersPerKey: 3 })
    const a = await group.v1(0, 'a', key)
    await group.v1(0, 'b', key)
    const c = await group.v1(1, 'c', key)
    await eventually(() => got(c, 'Introduction').length === 2, 'the peers of the other server')
    await eventually(() => got(a, 'Introduction').length === 2, 'the peer of the other server')
    const late = [await group.v1(0, 'late-0', key), await group.v1(1, 'late-1', key)]
    for (const peer of late) expect((await peer.next('Error')).code).toBe('room_full')
  })

  test('topics are heard as long as somebody wants them, and a moment more', async () => {
    const group = await ServerGroup.start(2)
    const before = group.buses[0]!.topics
    const a = await group.v1(0, 'a', key, 'another', key)
    expect(group.buses[0]!.topics).toBe(before + 2)
    await a.kill()
    await group.expectQuiet()
    await eventually(() => group.buses[0]!.topics === before, 'the topics to be forgotten')
  })
})
