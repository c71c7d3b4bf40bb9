import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Network } from './harness/network.js'
import { ends, exchange, expectSame, pairs, talk } from './harness/talk.js'
import { PUBLISHED } from './harness/test-client.js'

const key = 'happy-raccoon'
let network: Network

beforeEach(async () => {
  network = await Network.open()
})
afterEach(() => network.close())

describe.each(PUBLISHED)('two %s clients', (generation) => {
  test('are introduced and talk both ways', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    await talk(alice, bob, key)
    expect([alice.reconnects, bob.reconnects]).toEqual([0, 0])
  })

  test('lose nothing that either sends as soon as its socket opens', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const messages = Array.from({ length: 200 }, (_, n) => `message ${n}`)
    const [atAlice, atBob] = await Promise.all(
      [alice.peer('bob', key), bob.peer('alice', key)].map(async (connected) => {
        const pipe = await connected
        for (const message of messages) pipe.send(message)
        return pipe.next(messages.length)
      }),
    )
    expectSame(atAlice!, messages)
    expectSame(atBob!, messages)
  })

  test('exchange messages of 1 MiB, text and binary', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const bytes = randomBytes(1024 * 1024)
    const text = bytes.toString('base64').slice(0, 1024 * 1024)
    await exchange(...(await ends(alice, bob, key)), [bytes, text, bytes])
  })

  test('share one key without hearing of another', async () => {
    const alice = network.start(generation, 'alice', key, 'of alice alone')
    const bob = network.start(generation, 'bob', key, 'of bob alone')
    await talk(alice, bob, key)
    expect(alice.pipes.items.map((pipe) => pipe.key)).toEqual([key])
    expect(bob.pipes.items.map((pipe) => pipe.key)).toEqual([key])
  })

  test('keep the pipes of different keys apart', async () => {
    const keys = ['one', 'two', 'three']
    const alice = network.start(generation, 'alice', ...keys)
    const bob = network.start(generation, 'bob', ...keys)
    for (const each of keys) {
      const [atAlice, atBob] = await ends(alice, bob, each)
      await exchange(atAlice, atBob, [`about ${each}`])
    }
  })

  test.each(['first', 'second'])('see the close that the %s of them sends', async (closer) => {
    const alice = network.start(generation, 'alice', key)
    const [atAlice, atBob] = await talk(alice, network.start(generation, 'bob', key), key)
    const [near, far] = closer === 'first' ? [atAlice, atBob] : [atBob, atAlice]
    near.send('last words')
    near.close(4000, 'that was all')
    expect(await far.next()).toEqual(['last words'])
    expect(await far.closed).toEqual({ code: 4000, reason: 'that was all' })
    expect(await near.closed).toEqual({ code: 4000, reason: 'that was all' })
  })

  test('see a close without a code as one without a code', async () => {
    const alice = network.start(generation, 'alice', key)
    const [atAlice, atBob] = await talk(alice, network.start(generation, 'bob', key), key)
    atAlice.close()
    expect(await atBob.closed).toEqual({ code: 1005, reason: '' })
    expect(await atAlice.closed).toEqual({ code: 1005, reason: '' })
  })

  test('are connected again when one leaves the key and joins it again', async () => {
    const alice = network.start(generation, 'alice', key)
    const bob = network.start(generation, 'bob', key)
    const [atAlice, atBob] = await talk(alice, bob, key)
    alice.leave(key)
    await Promise.all([atAlice.closed, atBob.closed])
    alice.join(key)
    await talk(alice, bob, key)
  })
})

test.each(pairs(PUBLISHED))('a %s client and a %s client talk', async (first, second) => {
  const alice = network.start(first, 'alice', key)
  const bob = network.start(second, 'bob', key)
  await talk(alice, bob, key)
})

test('clients of all generations talk in one room, each with each', async () => {
  const clients = PUBLISHED.map((generation) => network.start(generation, generation, key))
  clients.push(network.start('signal.v1', 'new', key))
  await Promise.all(pairs(clients).map(([a, b]) => talk(a, b, key)))
})
