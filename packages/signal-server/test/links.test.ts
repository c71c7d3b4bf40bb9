import { pack, unpack } from 'msgpackr'
import { clientFrame } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { badSessions, linkSession, offering } from './harness/links.js'
import { ServerGroup } from './harness/server-group.js'

const key = 'k'

const got = (client: Client, type: string, id?: string): Fields[] =>
  client.seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .filter((each) => each.type === type && (id === undefined || each.id === id))

/** A session that offers these subprotocols, with its keys joined. */
async function session(
  group: ServerGroup,
  member: number,
  id: string,
  protocols: string[],
  ...keys: string[]
): Promise<Client> {
  const client = await group.client(member, `/introduction/${id}`, protocols)
  await client.next('Welcome')
  client.send({ type: 'Join', join: keys })
  await client.settled()
  return client
}

const places = [
  [0, 0],
  [0, 1],
  [1, 0],
] as const

describe.each(places)('a session on server %i that offers a link, for server %i', (own, other) => {
  test('is selected signal.v1, and introduced with its link, whoever comes first', async () => {
    const group = await ServerGroup.start(2)
    const link = linkSession()
    const first = await group.v1(other, 'first', key)
    const alice = await session(group, own, 'alice', offering(link), key)
    expect(alice.ws.protocol).toBe('signal.v1')
    const second = await group.v1(other, 'second', key)
    for (const peer of [first, second]) {
      await eventually(() => got(peer, 'Introduction', 'alice').length > 0, 'an introduction')
      expect(peer.seen.map(({ text }) => text)).toContain(
        `{"type":"Introduction","id":"alice","keys":["${key}"],"link":"${link}"}`,
      )
    }
    // the others offer none
    await eventually(() => got(alice, 'Introduction').length > 1, 'introductions')
    const texts = alice.seen.map(({ text }) => text)
    for (const id of ['first', 'second']) {
      expect(texts).toContain(`{"type":"Introduction","id":"${id}","keys":["${key}"]}`)
    }
  })

  test('has its link behind its info and before "again"', async () => {
    const group = await ServerGroup.start(2)
    const link = linkSession()
    const alice = await session(group, own, 'alice', offering(link), key)
    alice.send({ type: 'Announce', info: 'Ada' })
    await alice.settled()
    const bob = await group.v1(other, 'bob', key)
    const shown = `"id":"alice","keys":["${key}"],"info":"Ada","link":"${link}"`
    expect((await bob.next('Introduction')).info).toBe('Ada')
    expect(bob.seen.at(-1)?.text).toBe(`{"type":"Introduction",${shown}}`)
    await alice.next('Introduction')
    const [a, b] = await group.pair([own, other], key)
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    await bob.next('Introduction')
    expect(bob.seen.at(-1)?.text).toBe(`{"type":"Introduction",${shown},"again":true}`)
  })

  test('is introduced with it again after a Join that asks for that, and in a new session', async () => {
    const group = await ServerGroup.start(2)
    const link = linkSession()
    const bob = await group.v1(other, 'bob', key)
    const alice = await session(group, own, 'alice', offering(link), key)
    expect((await bob.next('Introduction')).link).toBe(link)
    alice.send({ type: 'Join', join: [key] })
    expect((await bob.next('Introduction')).link).toBe(link)
    await alice.close()
    await bob.next('Departure')
    const next = linkSession()
    const again = await session(group, own, 'alice', offering(next), key)
    expect((await bob.next('Introduction')).link).toBe(next)
    await again.close()
    await bob.next('Departure')
    await group.v1(own, 'alice', key)
    expect(await bob.next('Introduction')).toEqual({
      type: 'Introduction',
      id: 'alice',
      keys: [key],
    })
  })

  test.each(Object.entries(badSessions))('%s is no offer', async (_what, protocols) => {
    const group = await ServerGroup.start(2)
    const bob = await group.v1(other, 'bob', key)
    const alice = await session(group, own, 'alice', protocols, key)
    expect(alice.ws.protocol).toBe('signal.v1')
    await bob.next('Introduction')
    expect(bob.seen.at(-1)?.text).toBe(`{"type":"Introduction","id":"alice","keys":["${key}"]}`)
  })

  test('is introduced to older dialects with the bytes that they know', async () => {
    const group = await ServerGroup.start(2)
    const joins = [
      JSON.stringify({ type: 'Join', join: [key] }),
      JSON.stringify({ type: 'Join', documentIds: [key] }),
      pack({ type: 'Join', documentIds: [key] }),
    ]
    const older: Client[] = []
    for (const [n, message] of joins.entries()) {
      const client = await group.client(other, `/introduction/old-${n}`)
      client.send(message)
      await client.settled()
      older.push(client)
    }
    await eventually(
      () => older.every(({ seen }) => seen.length === 2),
      'introductions to each other',
    )
    for (const { messages } of older) messages.take()
    const alice = await session(group, own, 'a1', offering(linkSession()), key)
    const linked = await Promise.all(older.map(({ messages }) => messages.next()))
    const raw = await group.v1(own, 'a2', key)
    const plain = await Promise.all(older.map(({ messages }) => messages.next()))
    for (const [n, { bytes }] of linked.entries()) {
      const text = bytes.toString('latin1').replace('a1', 'a2')
      expect(text).toBe(plain[n]!.bytes.toString('latin1'))
    }
    expect(linked[0]!.text).toBe(`{"type":"Introduction","id":"a1","keys":["${key}"]}`)
    expect(unpack(linked[2]!.bytes)).toEqual({
      type: 'Introduction',
      peerId: 'a1',
      documentIds: [key],
    })
    await eventually(() => got(alice, 'Introduction').length >= 3, 'all of them')
    expect(got(raw, 'Introduction', 'a1')[0]?.link).toBeDefined()
  })

  test('a client that offers a link without signal.v1 is one of an older generation', async () => {
    const group = await ServerGroup.start(2)
    const bob = await group.v1(other, 'bob', key)
    const flaws = { headers: { 'Sec-WebSocket-Protocol': `signal.link.1.${linkSession()}` } }
    const raw = await group.upgraded(own, '/introduction/alice', flaws)
    raw.write(clientFrame(1, JSON.stringify({ join: [key] })))
    await bob.next('Introduction')
    expect(bob.seen.at(-1)?.text).toBe(`{"type":"Introduction","id":"alice","keys":["${key}"]}`)
    expect(await raw.json()).toEqual({ type: 'Introduction', id: 'bob', keys: [key] })
  })
})
