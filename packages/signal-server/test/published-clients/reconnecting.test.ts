import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Network } from './harness/network.js'
import { ends, pairs, talk } from './harness/talk.js'
import { PUBLISHED, type TestClient } from './harness/test-client.js'

const key = 'happy-raccoon'
let network: Network

beforeEach(async () => {
  network = await Network.open()
})
afterEach(() => network.close())

function eachWithEach(clients: readonly TestClient[], on = key): Promise<unknown> {
  return Promise.all(pairs(clients).map(([a, b]) => talk(a, b, on)))
}

function opened(client: TestClient, times = 1): Promise<unknown> {
  return client.host.sessions.until(
    (sessions) => sessions.length >= times,
    `${client.id} (${client.generation}) open for the ${times}. time`,
  )
}

describe.each(PUBLISHED)('%s clients', (generation) => {
  test('are connected again after one of their sockets is cut', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const [atAlice, atBob] = await talk(alice, bob, key)
    atAlice.cut()
    expect(await atBob.closed).toMatchObject({ code: 4410 })
    // Neither asks for it: the server introduces them again.
    await talk(alice, bob, key)
    expect([alice.reconnects, bob.reconnects]).toEqual([0, 0])
  })

  test('find one that comes back while its old connections still seem alive', async () => {
    const lost = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const [, atBob] = await talk(lost, bob, key)
    lost.host.freeze()

    const alice = network.start(generation, 'alice', key)
    expect(await atBob.closed).toMatchObject({ code: 4410 })
    const [, again] = await talk(alice, bob, key)
    expect(again).not.toBe(atBob)
    expect([alice.reconnects, bob.reconnects]).toEqual([0, 0])
  })

  test('hand an id back to the older socket when the newer one closes', async () => {
    const older = network.start(generation, 'same', key)
    await opened(older)
    const newer = network.start(generation, 'same', key)
    await opened(newer)
    await newer.close()
    await talk(older, network.start(generation, 'friend', key), key)
  })
})

test('two sockets with one id do not make any client reconnect', async () => {
  const twins = PUBLISHED.flatMap((generation) =>
    ['first', 'second'].map(() => network.start(generation, `twin of ${generation}`, key)),
  )
  await Promise.all(twins.map((twin) => opened(twin)))
  await Promise.all(
    twins.map((twin) => twin.host.dials.staysWithin(1, `introduction sockets of ${twin.id}`)),
  )
})

test.each(['v3', 'v4'] as const)('%s clients join 300 documents at once again', async (old) => {
  const documents = Array.from({ length: 300 }, (_, n) => `document-${n}`)
  const alice = network.start(old, 'alice', ...documents)
  const bob = network.start(old, 'bob', ...documents)
  await ends(alice, bob, documents[299]!)

  alice.host.sessions.items[0]!.terminate()
  await opened(alice, 2)
  const carol = network.start('signal.v1', 'carol', ...documents)
  await Promise.all(documents.map((document) => talk(alice, carol, document)))
  await Promise.all(documents.map((document) => talk(alice, bob, document)))
  await alice.host.dials.staysWithin(2, 'introduction sockets of the one with 300 documents')
})

test('clients that are killed and start again with their ids are connected again', async () => {
  const stay = PUBLISHED.map((generation) => network.start(generation, `stays-${generation}`, key))
  const die = PUBLISHED.map((generation) => network.start(generation, `dies-${generation}`, key))
  await eachWithEach([...stay, ...die])

  const broken = stay.flatMap((client) =>
    client.pipes.items.filter(({ remoteId }) => remoteId.startsWith('dies-')),
  )
  expect(broken).toHaveLength(9)
  for (const client of die) client.kill()
  const born = die.map(({ generation, id }) => network.start(generation, id, key))
  const steady = Promise.all(
    [...stay, ...born].map((client) =>
      client.host.dials.staysWithin(3, `introduction sockets of ${client.id}`),
    ),
  )
  for (const pipe of broken) expect(await pipe.closed).toMatchObject({ code: 4410 })
  await eachWithEach([...stay, ...born])
  await steady
})

// The client of 0.x waits 7.5 s before it comes back.
test('clients come back to a server that restarts, and talk', { timeout: 40_000 }, async () => {
  const clients = PUBLISHED.flatMap((generation) =>
    [1, 2].map((n) => network.start(generation, `${generation}-${n}`, key)),
  )
  await eachWithEach(clients)
  const pipes = clients.flatMap((client) => client.pipes.items)

  await network.restartServer()
  for (const pipe of pipes) await pipe.closed
  await Promise.all(clients.map((client) => opened(client, 2)))
  await eachWithEach(clients)
  expect(clients.map((client) => client.reconnects)).toEqual(clients.map(() => 1))
})

test.each(['v3', 'v4'] as const)(
  '%s clients with 300 documents come back after a while without a server',
  async (old) => {
    const documents = Array.from({ length: 300 }, (_, n) => `document-${n}`)
    const alice = network.start(old, 'alice', ...documents)
    const bob = network.start(old, 'bob', ...documents)
    await Promise.all(documents.map((document) => talk(alice, bob, document)))

    // Each attempt that fails leaves 300 more Joins behind, which all go out when one succeeds.
    await network.restartServer(() =>
      Promise.all(
        [alice, bob].map(({ host }) => host.dials.until((dials) => dials.length >= 5, 'attempts')),
      ),
    )
    await Promise.all(documents.map((document) => talk(alice, bob, document)))
    expect([alice.reconnects, bob.reconnects]).toEqual([1, 1])
  },
)
