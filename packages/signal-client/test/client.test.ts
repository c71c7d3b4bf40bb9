import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'signal-client'
import { SignalServer } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from './harness/events.js'
import { ended, receive, Stage, talk } from './harness/stage.js'

describe('two clients', () => {
  test('that want a key find each other and talk', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    await talk(alice, bob)
    expect(alice.client.state).toBe('connected')
    expect([...alice.client.peers.keys()]).toEqual(['bob'])
    expect(alice.client.peers.get('bob')?.keys).toEqual(['k'])
  })

  test('are told of each other once for each key', async () => {
    const stage = await Stage.open()
    const keys = ['one', 'two', 'three']
    const alice = stage.client('alice', { keys })
    const bob = stage.client('bob', { keys })
    for (const { told } of [alice, bob]) {
      const told3 = [await told.peer.next(), await told.peer.next(), await told.peer.next()]
      expect(told3.map(([, key]) => key).sort()).toEqual(['one', 'three', 'two'])
      expect(new Set(told3.map(([peer]) => peer)).size).toBe(1)
    }
    // each asks again for all of them, and has all of them already
    for (const key of keys) alice.client.join(key)
    const signals = alice.told.signal.next()
    bob.client.signal('alice', 'after the introductions')
    await signals
    expect(alice.told.peer.seen).toHaveLength(3)
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 3, waiting: 0 })
  })

  test.each(['a:b', 'a/b', 'ä 👋', '%2F', '__proto__', 'constructor', 'x'.repeat(256), '...'])(
    'talk where id and key are %j',
    async (name) => {
      const stage = await Stage.open()
      const alice = stage.client(name, { keys: [name] })
      const bob = stage.client('bob', { keys: [name] })
      const [atAlice, atBob] = await Promise.all([ended(alice), ended(bob)])
      await talk(atAlice, atBob)
      expect(bob.told.peer.seen.map(([peer, key]) => [peer.id, key])).toEqual([[name, name]])
    },
  )

  test('that share no key are not told of each other', async () => {
    const stage = await Stage.open()
    const alice = stage.client('alice', { keys: ['of alice'] })
    const bob = stage.client('bob', { keys: ['of bob'] })
    await Promise.all([alice, bob].map(({ told }) => told.connected.next()))
    expect(alice.client.signal('bob', 'hello')).toBe(true)
    const [error] = await alice.told.error.next()
    expect(error).toMatchObject({ code: 'unknown_peer', id: 'bob' })
    expect(alice.told.peer.seen).toEqual([])
  })
})

describe('a URL', () => {
  test.each([
    ['http', ''],
    ['http', '/'],
    ['ws', ''],
    ['ws', '/'],
  ])('may be %s://…/some/path%s', async (scheme, end) => {
    const app = createServer()
    const signal = new SignalServer().attach(app, { path: '/some/path' })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    const { port } = app.address() as AddressInfo
    const url = `${scheme}://127.0.0.1:${port}/some/path${end}`
    const client = new Client({ url })
    onTestFinished(async () => {
      await client.close()
      await signal.close()
      app.close()
    })
    await listen(client).connected.next()
    expect(client.state).toBe('connected')
  })

  test.each(['ftp://example.com', 'example.com', '/signal', 'localhost:8080'])(
    'may not be %j',
    (url) => expect(() => new Client({ url })).toThrow(TypeError),
  )
})

describe('an id', () => {
  test('is a UUID where none is given, and another each time', () => {
    const ids = [1, 2].map(() => {
      const client = new Client({ url: 'http://127.0.0.1:9' })
      void client.close()
      return client.id
    })
    const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
    for (const id of ids) expect(id).toMatch(uuid)
    expect(ids[0]).not.toBe(ids[1])
  })

  test.each(['', '.', '..', 'a\nb', '\ud800'])('or key may not be %j', async (name) => {
    expect(() => new Client({ url: 'http://127.0.0.1:9', id: name })).toThrow(TypeError)
    const { client } = (await Stage.open()).client('alice')
    expect(() => client.join(name)).toThrow(TypeError)
    expect([...client.keys]).toEqual(['k'])
  })
})

test('keys may not be one string, which would be taken for a list of its letters', () => {
  const options = { url: 'http://127.0.0.1:9', keys: 'happy-raccoon' }
  expect(() => new Client(options)).toThrow('Not a list of keys')
})

describe('info', () => {
  test('is shown to peers with the introduction, and each change of it once', async () => {
    const stage = await Stage.open()
    const alice = stage.client('alice', { info: { name: 'Alice' } })
    const bob = stage.client('bob')
    const [peer] = await bob.told.peer.next()
    await alice.told.peer.next()
    expect(peer.info).toEqual({ name: 'Alice' })
    alice.client.announce({ name: 'Alicia' })
    expect(await bob.told.update.next()).toEqual([peer, { name: 'Alicia' }])
    expect(peer.info).toEqual({ name: 'Alicia' })
    alice.client.join('k')
    alice.client.signal('bob', 'after the introduction')
    await bob.told.signal.next()
    expect(bob.told.update.seen).toHaveLength(1)
  })

  test('that is too big is an error', async () => {
    const stage = await Stage.open()
    const { told, client } = stage.client('alice')
    await told.connected.next()
    client.announce('x'.repeat(2000))
    expect((await told.error.next())[0]).toMatchObject({ code: 'info_too_big' })
    expect(client.state).toBe('connected')
  })
})

describe('signals', () => {
  test('reach a peer with the id of the sender', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    alice.client.signal('bob', { sdp: ['offer', 1, null] })
    expect(await bob.told.signal.next()).toEqual(['alice', { sdp: ['offer', 1, null] }])
  })

  test('are not sent while the server is out of reach', async () => {
    const stage = await Stage.open()
    const { client } = stage.client('alice')
    expect(client.signal('bob', 'too soon')).toBe(false)
  })
})

describe('who leaves a key', () => {
  test('closes its pipes, and only those', async () => {
    const stage = await Stage.open()
    const alice = stage.client('alice', { keys: ['stays', 'goes'] })
    const bob = stage.client('bob', { keys: ['stays', 'goes'] })
    for (const { told } of [alice, bob]) await Promise.all([told.peer.next(), told.peer.next()])
    alice.client.leave('goes')
    for (const { told } of [alice, bob]) {
      expect((await told['peer-left'].next()).slice(1)).toEqual(['goes', 'closed'])
    }
    expect(bob.client.peers.get('alice')?.keys).toEqual(['stays'])
    expect([...alice.client.keys]).toEqual(['stays'])
  })

  test('is connected again when it comes back, even in the same turn', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    alice.client.leave('k')
    alice.client.join('k')
    await bob.told['peer-left'].next()
    await talk(...(await Promise.all([ended(alice), ended(bob)])))
    alice.client.leave('k')
    await bob.told['peer-left'].next()
    alice.client.join('k')
    await talk(...(await Promise.all([ended(alice), ended(bob)])))
  })
})

describe('a pipe that one side closes', () => {
  test('is not opened again by itself, but when a key is joined again', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    alice.client.peers.get('bob')?.close('k')
    expect((await alice.told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    expect((await bob.told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    expect(bob.client.peers.size).toBe(0)
    bob.client.signal('alice', 'after the end')
    await alice.told.signal.next()
    expect(stage.server.stats().endpoints.connection).toMatchObject({ sockets: 0 })
    bob.client.join('k')
    await talk(...(await Promise.all([ended(alice), ended(bob)])))
  })

  test.each([1000, 3000, 4000, 4999])('with %d shows the code and the reason', async (code) => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    const closed = new Promise((resolve) => {
      bob.socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })
    })
    alice.socket.close(code, 'that was all')
    expect(await closed).toEqual({ code, reason: 'that was all', wasClean: true })
    expect((await alice.told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    expect(alice.socket.readyState).toBe(3)
  })
})

describe('a client that is closed', () => {
  test('says so to its peers and itself, and does nothing any more', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    await alice.client.close()
    expect(alice.client.state).toBe('closed')
    expect((await alice.told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    expect((await bob.told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    expect(stage.server.stats().endpoints.introduction).toMatchObject({ sessions: 1 })
    alice.client.join('another')
    alice.client.announce('x')
    expect(alice.client.signal('bob', 'x')).toBe(false)
    expect(alice.client.peers.size).toBe(0)
  })

  test('is closed at the end of its scope', async () => {
    const stage = await Stage.open()
    const { client } = stage.client('alice')
    await client[Symbol.asyncDispose]()
    expect(client.state).toBe('closed')
  })

  test('before it was connected leaves nothing behind', async () => {
    const stage = await Stage.open()
    await stage.client('alice').client.close()
    const { told } = stage.client('bob')
    await told.connected.next()
    expect(stage.server.stats().endpoints.introduction).toMatchObject({ sessions: 1 })
  })
})

describe('what the server refuses is an error with its code:', () => {
  test('too many keys', async () => {
    const stage = await Stage.open({ maxKeysPerPeer: 2 })
    const { told, client } = stage.client('alice', { keys: ['a', 'b', 'c'] })
    expect((await told.error.next())[0]).toMatchObject({ code: 'too_many_keys' })
    expect(client.state).toBe('connected')
  })

  test('keys that are not allowed', async () => {
    const allowsKey = (key: string) => key !== 'secret'
    const stage = await Stage.open({ authorize: () => ({ allowsKey }) })
    const { told } = stage.client('alice', { keys: ['secret', 'k'] })
    const [error] = await told.error.next()
    expect(error).toMatchObject({ name: 'SignalError', code: 'forbidden', keys: ['secret'] })
    await stage.client('bob').told.peer.next()
  })
})

describe('an app that listens late', () => {
  test('misses nothing and gets nothing twice', async () => {
    const stage = await Stage.open()
    const alice = new Client({ url: stage.url, id: 'alice', keys: ['k'] })
    onTestFinished(() => alice.close())
    const bob = await ended(stage.client('bob', { info: 'Bob' }))
    for (const text of ['one', 'two', 'three']) bob.socket.send(text)
    bob.client.signal('alice', 'a signal')
    bob.socket.close(4000, 'gone')
    await bob.told['peer-left'].next()

    const told = listen(alice)
    expect(await told.signal.next()).toEqual(['bob', 'a signal'])
    const [peer, key, socket] = await told.peer.next()
    expect([peer.id, key, peer.info]).toEqual(['bob', 'k', 'Bob'])
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
    const received = receive(socket)
    await closed
    expect(received.seen).toEqual(['one', 'two', 'three'])
    expect((await told['peer-left'].next()).slice(1)).toEqual(['k', 'closed'])
    await told.connected.next()
    const counts = Object.values(told).map(({ seen }) => seen.length)
    expect(counts).toEqual([1, 0, 1, 1, 0, 1, 0])
  })
})
