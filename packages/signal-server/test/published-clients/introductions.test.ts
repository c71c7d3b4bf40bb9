import { unpack } from 'msgpackr'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Frame } from './harness/client-host.js'
import { Network } from './harness/network.js'
import { talk } from './harness/talk.js'
import { PUBLISHED, type Published, type TestClient } from './harness/test-client.js'

const key = 'happy-raccoon'
let network: Network

beforeEach(async () => {
  network = await Network.open()
})
afterEach(() => network.close())

/** An Introduction in the dialect of a generation; throws if the frame is anything else. */
const readers: Record<Published, (frame: Frame) => { id: string; keys: string[] }> = {
  v0: ({ bytes, isBinary }) => {
    const message: unknown = JSON.parse(bytes.toString())
    expect(isBinary).toBe(false)
    const introduction = { type: 'Introduction', id: expect.any(String), keys: expect.any(Array) }
    expect(message).toEqual(introduction)
    return message as { id: string; keys: string[] }
  },
  v3: ({ bytes, isBinary }) => {
    const message = JSON.parse(bytes.toString()) as { userName: string; documentIds: string[] }
    expect(isBinary).toBe(false)
    expect(message).toEqual({
      type: 'Introduction',
      userName: expect.any(String),
      documentIds: expect.any(Array),
    })
    return { id: message.userName, keys: message.documentIds }
  },
  v4: ({ bytes, isBinary }) => {
    expect(isBinary).toBe(true)
    const message = unpack(bytes) as { peerId: string; documentIds: string[] }
    expect(message).toEqual({
      type: 'Introduction',
      peerId: expect.any(String),
      documentIds: expect.any(Array),
    })
    return { id: message.peerId, keys: message.documentIds }
  },
}

/** The ids that a client was introduced to; fails if it was sent anything else. */
function introducedTo(client: TestClient): string[] {
  const read = readers[client.generation as Published]
  return client.host.frames.items.map((frame) => read(frame).id)
}

describe.each(PUBLISHED)('a %s client', (generation) => {
  test('is sent nothing but Introductions, whatever newer clients do', async () => {
    const old = network.start(generation, 'old', key, 'another')
    const first = network.start('signal.v1', 'first', key)
    await talk(old, first, key)
    first.send({ type: 'Announce', info: { name: 'First' } })
    first.send({ type: 'Signal', to: 'old', signal: { sdp: 'offer' } })
    await first.messages.until(
      (messages) => messages.some(({ code }) => code === 'not_supported'),
      'Error not_supported',
    )
    first.leave(key)
    const dying = network.start('signal.v1', 'dying', key, 'another')
    await talk(old, dying, key)
    dying.kill()
    old.host.beat()
    old.leave('another')

    // What the server sends keeps its order: with this Introduction there, all the rest is.
    await talk(old, network.start('signal.v1', 'last', key), key)
    const ids = introducedTo(old)
    expect(new Set(ids)).toEqual(new Set(['first', 'dying', 'last']))
    expect(ids.at(-1)).toBe('last')
    expect(old.reconnects).toBe(0)
  })

  test('is introduced with the keys in common and with no other', async () => {
    const alice = network.start(generation, 'alice', 'mine', 'ours', 'ours too')
    const bob = network.start('signal.v1', 'bob', 'ours', 'his', 'ours too')
    await Promise.all([talk(alice, bob, 'ours'), talk(alice, bob, 'ours too')])
    const keys = alice.host.frames.items.flatMap((frame) => readers[generation](frame).keys)
    expect(new Set(keys)).toEqual(new Set(['ours', 'ours too']))
  })

  test('is never introduced to itself, not even with two sockets', async () => {
    const one = network.start(generation, 'same', key)
    const other = network.start(generation, 'same', key)
    await Promise.all([one, other].map(opened))
    one.join(key)
    other.join(key)
    const friend = network.start('signal.v1', 'friend', key)
    await friend.messages.until(
      (messages) => messages.some(({ id }) => id === 'same'),
      'an Introduction to the id with two sockets',
    )
    await talkToEither(friend, [one, other])
    expect(new Set([...introducedTo(one), ...introducedTo(other)])).toEqual(new Set(['friend']))
  })

  test('is introduced on the socket that joined the key, where its id has two', async () => {
    const older = network.start(generation, 'same', 'key of the older')
    await opened(older)
    const newer = network.start(generation, 'same', 'key of the newer')
    await opened(newer)
    const friend = network.start('signal.v1', 'friend', 'key of the older', 'key of the newer')
    await talk(friend, older, 'key of the older')
    await talk(friend, newer, 'key of the newer')
    expect(introducedTo(older)).toEqual(['friend'])
    expect(introducedTo(newer)).toEqual(['friend'])
  })

  test('is introduced again when it joins a key again after its pipe is lost', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const [atAlice, atBob] = await talk(alice, bob, key)
    atBob.close()
    await Promise.all([atAlice.closed, atBob.closed])
    alice.join(key)
    await talk(alice, bob, key)
  })

  test('ignores an Introduction while its pipe lives, and the pipe goes on', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const [atAlice] = await talk(alice, bob, key)
    const before = [alice, bob].map((client) => client.host.frames.items.length)
    alice.join(key)
    await Promise.all(
      [alice, bob].map((client, n) =>
        client.host.frames.until((frames) => frames.length > before[n]!, 'a second Introduction'),
      ),
    )
    const [again] = await talk(alice, bob, key)
    expect(again).toBe(atAlice)
    expect(alice.host.connections.items).toHaveLength(1)
    expect(bob.host.connections.items).toHaveLength(1)
  })
})

test('1,000 keys of 64 characters fit in one Join of a v0 client', async () => {
  const keys = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(64, 'k'))
  const alice = network.start('v0', 'alice', ...keys)
  await opened(alice)
  const bob = network.start('v0', 'bob', keys[999]!)
  const [atAlice] = await talk(alice, bob, keys[999]!)
  expect(atAlice.key).toBe(keys[999])
  // In quarters: that client listens once a key and peer, and warns about more than 500 listeners.
  for (const quarter of [0, 250, 500, 750].map((n) => keys.slice(n, n + 250))) {
    const carol = network.start('signal.v1', `carol-${quarter[0]}`)
    carol.send({ type: 'Join', join: quarter })
    const introduction = await carol.messages.until(
      (messages) => messages.find(({ type, id }) => type === 'Introduction' && id === 'alice'),
      'an Introduction of the one with 1,000 keys',
    )
    expect(introduction.keys).toEqual(quarter)
  }
  await alice.host.dials.staysWithin(1, 'introduction sockets of the one with 1,000 keys')
})

function opened(client: TestClient): Promise<unknown> {
  return client.host.sessions.until((sessions) => sessions[0], `${client.id} is open`)
}

/** Two clients of one id share what reaches that id: one of them has the pipe. */
async function talkToEither(friend: TestClient, twins: TestClient[]): Promise<void> {
  const atFriend = await friend.peer('same', key)
  const atTwin = await Promise.any(twins.map((twin) => twin.peer('friend', key)))
  atFriend.send('which of you?')
  expect(await atTwin.next()).toEqual(['which of you?'])
}
