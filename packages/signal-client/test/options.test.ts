import { Client, type ClientOptions } from 'signal-client'
import { expect, test } from 'vitest'
import { Arrivals } from './harness/events.js'
import { ScriptedServer } from './harness/scripted-server.js'
import { clientOf, ended, Stage, talk } from './harness/stage.js'

test.each([
  ['no options', undefined],
  ['no url', {}],
  ['an empty url', { url: '' }],
  ['a url that is a number', { url: 8080 }],
  ['an id that is a number', { url: 'http://127.0.0.1:9', id: 5 }],
  ['a key that is a number', { url: 'http://127.0.0.1:9', keys: [5] }],
  ['keys that are a number', { url: 'http://127.0.0.1:9', keys: 5 }],
  ['info that is no JSON', { url: 'http://127.0.0.1:9', info: 5n }],
])('row 67: a client with %s is a TypeError with a sentence', (_, options) => {
  expect(() => new Client(options as ClientOptions)).toThrow(TypeError)
  expect(() => new Client(options as ClientOptions)).toThrow(/URL|id or a key|list|iterable|BigInt/)
})

test('a client that is made with connect: false connects when it is told to', async () => {
  const stage = await Stage.open()
  const alice = clientOf(stage.url, 'alice', { connect: false })
  expect(alice.client.state).toBe('disconnected')
  const bob = stage.client('bob')
  await bob.told.connected.next()
  expect(stage.server.stats().endpoints.introduction?.sessions).toBe(1)
  alice.client.join('another')
  alice.client.connect()
  expect(alice.client.state).toBe('connecting')
  await talk(await ended(alice), await ended(bob))
  expect([...alice.client.keys]).toEqual(['k', 'another'])
})

test('a client that was closed before it was connected stays closed', async () => {
  const stage = await Stage.open()
  const { client } = clientOf(stage.url, 'alice', { connect: false })
  await client.close()
  client.connect()
  expect(client.state).toBe('closed')
})

test('of more keys than a peer may have the first work, and the error names the others', async () => {
  const stage = await Stage.open({ maxKeysPerPeer: 1_000 })
  const keys = Array.from({ length: 1_001 }, (_, n) => `key ${n}`)
  const alice = stage.client('alice', { keys })
  const [error] = await alice.told.error.next()
  expect(error).toMatchObject({ code: 'too_many_keys', keys: ['key 1000'] })
  const bob = stage.client('bob', { keys: ['key 0', 'key 999', 'key 1000'] })
  const met = [await bob.told.peer.next(), await bob.told.peer.next()].map(([, key]) => key)
  expect(met.sort()).toEqual(['key 0', 'key 999'])
})

test('5,000 keys are joined and left in parts of 250, so that no message is too long', async () => {
  const keys = Array.from({ length: 5_000 }, (_, n) => `${n}`.padEnd(256, 'x'))
  const server = await ScriptedServer.open()
  const { client } = clientOf(server.url, 'alice', { keys })
  const heard = new Arrivals<Record<string, unknown>>()
  const introductions = await server.introductions.next()
  introductions.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as never))
  /** All that comes in messages of a type, until it is as many keys as there are. */
  const partsOf = async (type: string, field: string) => {
    const parts: string[][] = []
    while (parts.flat().length < keys.length) {
      const message = await heard.next(type)
      if (message.type === type) parts.push(message[field] as string[])
    }
    return parts
  }
  const joined = await partsOf('Join', 'join')
  expect(joined.map(({ length }) => length)).toEqual(Array(20).fill(250))
  expect(joined.flat()).toEqual(keys)
  for (const key of keys) client.leave(key)
  const left = await partsOf('Leave', 'leave')
  expect([left.length, left.flat()]).toEqual([20, keys])
})
