import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { rtc } from 'signal-webrtc'
import type { Client } from '../../signal-server/test/harness/client.js'
import { Served } from './harness/serve.js'

const start = () => Served.start(rtc({ version: '7' }))

async function identified(served: Served, id: string, name = `${id}’s name`): Promise<Client> {
  const client = await served.client('/rtc')
  await client.next('ready')
  client.send({ type: 'identify', data: { id, name } })
  await client.settled()
  return client
}

test('ready comes first, with the version and an id that is nobody else’s', async () => {
  const served = await start()
  const [one, other] = [await served.client('/rtc'), await served.client('/rtc')]
  const [first, second] = [await one.json(), await other.json()]
  expect(first).toEqual({ type: 'ready', version: '7', id: expect.stringMatching(/^[\w-]{36}$/) })
  expect(second.id).not.toBe(first.id)
})

test('ready: the version is the time of the start, where none is given', async () => {
  const before = Date.now()
  const served = await Served.start(rtc())
  const after = Date.now()
  const { version } = await (await served.client('/rtc')).json()
  expect(Number(version)).toBeGreaterThanOrEqual(before)
  expect(Number(version)).toBeLessThanOrEqual(after)
})

test('identify tells the newcomer of each peer, and each peer of the newcomer, as peer', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  expect(await bob.next('peer')).toEqual({
    type: 'peer',
    data: { id: 'alice', name: 'alice’s name' },
  })
  expect(await alice.next('peer')).toEqual({
    type: 'peer',
    data: { id: 'bob', name: 'bob’s name' },
  })
  expect(bob.messages.length).toBe(0)
  expect(alice.messages.length).toBe(0)
})

test('identify again tells the others of the new name, and the client of nobody', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  await alice.next('peer')
  await bob.next('peer')
  bob.send({ type: 'identify', data: { id: 'bob', name: 'Robert' } })
  expect(await alice.next('peer')).toEqual({ type: 'peer', data: { id: 'bob', name: 'Robert' } })
  await bob.settled()
  expect(bob.messages.length).toBe(0)
  const carol = await identified(served, 'carol')
  await carol.next('peer')
  expect(await carol.next('peer')).toMatchObject({ data: { name: 'Robert' } })
})

test('identify with another id is seen as one peer going and one coming', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  await alice.next('peer')
  bob.send({ type: 'identify', data: { id: 'bobby', name: 'Bobby' } })
  expect(await alice.next('peer')).toMatchObject({ data: { id: 'bob', remove: true } })
  expect(await alice.next('peer')).toEqual({ type: 'peer', data: { id: 'bobby', name: 'Bobby' } })
})

test('identify with the id of a live socket is refused, and the holder keeps it', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const thief = await identified(served, 'alice', 'not Alice')
  expect(await thief.next('error')).toMatchObject({ data: { code: 'forbidden' } })
  const bob = await identified(served, 'bob')
  expect(await bob.next('peer')).toEqual({
    type: 'peer',
    data: { id: 'alice', name: 'alice’s name' },
  })
  bob.send({ type: 'offer', data: { target: 'alice', source: 'bob', sdp: 'x' } })
  expect(await alice.next('offer')).toMatchObject({ data: { source: 'bob' } })
  await thief.settled()
  expect(thief.messages.length).toBe(0)
  await alice.close()
  thief.send({ type: 'identify', data: { id: 'alice', name: 'Alice' } })
  expect(await thief.next('peer')).toMatchObject({ data: { id: 'bob' } })
})

test('peer with remove tells that one is gone, closed or broken', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  const carol = await identified(served, 'carol')
  for (let i = 0; i < 2; i++) await alice.next('peer')
  await bob.close()
  expect(await alice.next('peer')).toEqual({
    type: 'peer',
    data: { id: 'bob', name: 'bob’s name', remove: true },
  })
  await carol.kill()
  expect(await alice.next('peer')).toMatchObject({ data: { id: 'carol', remove: true } })
  await alice.close()
  await served.empty()
})

test.each([
  ['offer', { source: 'alice', target: 'bob', type: 'offer', sdp: 'v=0' }],
  ['accept', { source: 'alice', target: 'bob', type: 'answer', sdp: 'v=0' }],
  ['answer', { source: 'alice', target: 'bob', type: 'answer', sdp: 'v=0' }],
  ['reject', { source: 'alice', target: 'bob' }],
  ['icecandidate', { id: 'alice', target: 'bob', candidate: { candidate: 'c', sdpMid: '0' } }],
])('%s goes to data.target alone, unchanged', async (type, data) => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  const carol = await identified(served, 'carol')
  alice.send({ type, data })
  expect(await bob.next(type)).toEqual({ type, data })
  await carol.settled()
  expect(carol.seen.filter(({ text }) => !/^{"type":"(ready|peer)"/.test(text))).toEqual([])
})

test.each([
  ['offer', { source: 'carol' }],
  ['accept', { source: 'carol' }],
  ['reject', { source: 'carol' }],
  ['icecandidate', { id: 'carol' }],
])('%s in the name of another is refused', async (type, forged) => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  await identified(served, 'carol')
  alice.send({ type, data: { target: 'bob', ...forged } })
  expect(await alice.next('error')).toMatchObject({ data: { code: 'forbidden' } })
  await bob.settled()
  expect(bob.seen.filter(({ text }) => text.includes(type))).toEqual([])
})

test.each([
  ['offer', 'source'],
  ['icecandidate', 'id'],
])('%s without its %s gets it from the server', async (type, field) => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const bob = await identified(served, 'bob')
  alice.send({ type, data: { target: 'bob' } })
  expect(await bob.next(type)).toEqual({ type, data: { target: 'bob', [field]: 'alice' } })
})

test.each(['offer', 'accept', 'reject', 'icecandidate'])(
  '%s to an unknown target is an error to its sender',
  async (type) => {
    const served = await start()
    const alice = await identified(served, 'alice')
    alice.send({ type, data: { target: 'nobody' } })
    expect(await alice.next('error')).toMatchObject({ data: { code: 'unknown_peer' } })
  },
)

test('offer from a client that has not identified itself is refused', async () => {
  const served = await start()
  const alice = await identified(served, 'alice')
  const nobody = await served.client('/rtc')
  nobody.send({ type: 'offer', data: { source: 'bob', target: 'alice' } })
  expect(await nobody.next('error')).toMatchObject({ data: { code: 'forbidden' } })
  await alice.settled()
  expect(alice.messages.length).toBe(0)
})

test.each(['ready', 'peer', 'error'])(
  '%s is the server’s word: no client can send it to another',
  async (type) => {
    const served = await start()
    const alice = await identified(served, 'alice')
    const bob = await identified(served, 'bob')
    await bob.next('peer')
    alice.send({ type, version: '8', data: { target: 'bob' } })
    expect(await alice.next('error')).toMatchObject({ data: { code: 'bad_message' } })
    await bob.settled()
    expect(bob.messages.length).toBe(0)
  },
)

test('identify without an id, with a name that is none, or with too long a name is refused', async () => {
  const served = await start()
  const client = await served.client('/rtc')
  const wrong = [{ name: 'x' }, { id: 7, name: 'x' }, { id: 'a' }, { id: 'a', name: {} }]
  for (const data of [
    ...wrong,
    { id: 'a', name: 'x'.repeat(257) },
    { id: 'a', name: '\u0001'.repeat(43) },
    { id: '', name: 'x' },
  ]) {
    client.send({ type: 'identify', data })
    expect(await client.next('error')).toMatchObject({ data: { code: 'bad_message' } })
  }
  client.send({ type: 'identify', data: { id: 'a', name: '' } })
  await client.settled()
  expect(served.stats('rtc').peers).toBe(1)
})

test('the subprotocol that the published page offers is echoed, as its browser wants', async () => {
  const served = await start()
  const ws = new WebSocket(`${served.ws}/rtc`, ['userid', '6c84fb90-12c4-11e1-840d-7b25c5ee775a'])
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
  expect(ws.protocol).toBe('userid')
  ws.terminate()
})
