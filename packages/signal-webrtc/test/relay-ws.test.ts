import { expect, test } from 'vitest'
import { relayWs } from 'signal-webrtc'
import type { Client } from '../../signal-server/test/harness/client.js'
import { Served } from './harness/serve.js'

interface Peer {
  client: Client
  /** What the others know it by: a client is never told its own. */
  id: string
}

async function list(client: Client): Promise<string[]> {
  client.send({ type: 'ls' })
  return (await client.next('ls')).peers as string[]
}

async function join(served: Served, watcher: Client, path = '/relay-ws'): Promise<Peer> {
  const before = await list(watcher)
  const client = await served.client(path)
  const now = await list(watcher)
  return { client, id: now.find((id) => !before.includes(id))! }
}

async function two() {
  const served = await Served.start(relayWs())
  const watcher = await served.client('/relay-ws')
  const alice = await join(served, watcher)
  const bob = await join(served, watcher)
  return { served, watcher, alice, bob }
}

test('ls answers with the ids of the others, and not with the own', async () => {
  const { watcher, alice, bob } = await two()
  watcher.send({ type: 'ls' })
  expect(await watcher.next('ls')).toEqual({ type: 'ls', peers: [alice.id, bob.id] })
  alice.client.send({ type: 'ls' })
  const { peers } = await alice.client.next('ls')
  expect(peers).toEqual([expect.any(String), bob.id])
  bob.client.send({ type: 'ls' })
  expect(await bob.client.next('ls')).toEqual({
    type: 'ls',
    peers: [(peers as string[])[0], alice.id],
  })
})

test('ls of the first client answers with an empty list', async () => {
  const served = await Served.start(relayWs())
  const client = await served.client('/relay-ws')
  client.send({ type: 'ls' })
  expect(await client.json()).toEqual({ type: 'ls', peers: [] })
})

test('an id has 21 characters that need no escaping', async () => {
  const { alice, bob } = await two()
  expect([alice.id, bob.id]).toEqual([
    expect.stringMatching(/^[\w-]{21}$/),
    expect.stringMatching(/^[\w-]{21}$/),
  ])
})

test.each(['offer', 'answer', 'ice'])(
  '%s goes to one peer, with type, from, to, sdp',
  async (type) => {
    const { watcher, alice, bob } = await two()
    alice.client.send({ type, to: bob.id, sdp: 'v=0 …' })
    expect(await bob.client.next(type)).toEqual({ type, from: alice.id, to: bob.id, sdp: 'v=0 …' })
    await watcher.settled()
    expect(watcher.seen.filter(({ text }) => text.includes('sdp'))).toEqual([])
  },
)

test.each(['offer', 'answer', 'ice'])(
  '%s: from is the server’s, whatever its sender says',
  async (type) => {
    const { alice, bob } = await two()
    alice.client.send({ type, from: bob.id, to: bob.id, sdp: 'x' })
    expect(await bob.client.next(type)).toMatchObject({ from: alice.id })
  },
)

test.each(['offer', 'answer', 'ice'])(
  '%s to an unknown peer, or to *, is an error to its sender',
  async (type) => {
    const { alice, bob } = await two()
    for (const to of ['nobody', '*']) {
      alice.client.send({ type, to, sdp: 'x' })
      expect(await alice.client.next('error')).toMatchObject({ code: 'unknown_peer' })
    }
    await bob.client.settled()
    expect(bob.client.seen.filter(({ text }) => text.includes('sdp'))).toEqual([])
  },
)

test('leave reaches everybody else once, and closing afterwards repeats nothing', async () => {
  const { served, watcher, alice, bob } = await two()
  alice.client.send({ type: 'leave' })
  expect(await bob.client.next('leave')).toEqual({ type: 'leave', from: alice.id })
  expect(await watcher.next('leave')).toEqual({ type: 'leave', from: alice.id })
  expect(await list(watcher)).toEqual([bob.id])
  alice.client.send({ type: 'leave' })
  await alice.client.settled()
  expect(alice.client.messages.length).toBe(0)
  await alice.client.close()
  await bob.client.settled()
  expect(bob.client.messages.length).toBe(0)
  await Promise.all([bob.client.close(), watcher.close()])
  await served.empty()
})

test('leave: a socket that closes without it is announced as well', async () => {
  const { alice, bob } = await two()
  await alice.client.kill()
  expect(await bob.client.next('leave')).toEqual({ type: 'leave', from: alice.id })
})

test('leave: who has left sends nothing more, and is reached by nobody', async () => {
  const { alice, bob } = await two()
  alice.client.send({ type: 'leave' })
  alice.client.send({ type: 'offer', to: bob.id, sdp: 'x' })
  expect(await alice.client.next('error')).toMatchObject({ code: 'forbidden' })
  bob.client.send({ type: 'offer', to: alice.id, sdp: 'x' })
  expect(await bob.client.next('error')).toMatchObject({ code: 'unknown_peer' })
})

test('an offer without to, or with an sdp that is no text, is an error to its sender', async () => {
  const { alice, bob } = await two()
  for (const wrong of [
    { sdp: 'x' },
    { to: bob.id },
    { to: 7, sdp: 'x' },
    { to: bob.id, sdp: {} },
  ]) {
    alice.client.send({ type: 'offer', ...wrong })
    expect(await alice.client.next('error')).toMatchObject({ code: 'bad_message' })
  }
})

test('it can be mounted at the root, and at every path', async () => {
  const atRoot = await Served.start(relayWs({ path: '/' }))
  const client = await atRoot.client('/')
  expect(await list(client)).toEqual([])
  await expect(atRoot.client('/elsewhere')).rejects.toThrow('404')
  const page = await fetch(atRoot.http)
  expect(await page.text()).toContain('🐟')

  const everywhere = await Served.start(relayWs({ path: '*' }))
  const watcher = await everywhere.client('/')
  const one = await join(everywhere, watcher, '/some/where')
  const other = await join(everywhere, watcher, '/')
  one.client.send({ type: 'offer', to: other.id, sdp: 'x' })
  expect(await other.client.next('offer')).toMatchObject({ from: one.id })
  const introduced = await everywhere.client('/introduction/a', ['signal.v1'])
  expect(await introduced.json()).toMatchObject({ type: 'Welcome' })
})
