import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { CloseCode } from 'signal-server-protocol'
import { HttpRefusal } from 'signal-server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { RawPeer } from './harness/raw-peer.js'
import { ended, Stage, talk } from './harness/stage.js'

const again = { timeout: 30_000 }

test('a client that comes before its server waits for it', again, async () => {
  const stage = await Stage.open()
  await stage.stop()
  const { client, told } = stage.client('alice')
  const [why] = await told.disconnected.next()
  expect(why.code).toBe(1006)
  expect(client.state).toBe('disconnected')
  await stage.start()
  await told.connected.next()
  expect(client.state).toBe('connected')
  expect(told.error.seen).toEqual([])
})

test('two clients are introduced and connected anew after a restart', again, async () => {
  const stage = await Stage.open()
  const pair = await stage.pair({ info: 'Alice' })
  await talk(...pair)
  await stage.stop()
  for (const { told, socket } of pair) {
    await told.disconnected.next()
    expect((await told['peer-left'].next()).slice(1)).toEqual(['k', 'lost'])
    expect(socket.readyState).toBe(3)
  }
  await stage.start()
  for (const { told } of pair) await told.connected.next()
  const anew = await Promise.all(pair.map(ended))
  await talk(anew[0]!, anew[1]!)
  expect(anew[1]!.client.peers.get('alice')?.info).toBe('Alice')
  for (const { told } of pair) {
    expect([told.connected, told.disconnected].map(({ seen }) => seen.length)).toEqual([2, 1])
  }
})

describe('a network', () => {
  test('that resets every connection is come through', again, async () => {
    const stage = await Stage.open()
    const proxy = await stage.proxy()
    const pair = await stage.pair({ url: `http://127.0.0.1:${proxy.port}` })
    await talk(...pair)
    proxy.reset()
    for (const { told } of pair) {
      expect((await told['peer-left'].next()).slice(1)).toEqual(['k', 'lost'])
    }
    const [alice, bob] = await Promise.all(pair.map(ended))
    await talk(alice!, bob!)
    expect(pair[1].told.disconnected.seen).toEqual([])
  })

  test('that stalls for a moment delays everything and loses nothing', async () => {
    const stage = await Stage.open()
    const proxy = await stage.proxy()
    const [alice, bob] = await stage.pair({ url: `http://127.0.0.1:${proxy.port}` })
    proxy.stall()
    const sent = Array.from({ length: 1000 }, (_, n) => `message ${n}`)
    for (const text of sent) {
      alice.socket.send(text)
      bob.socket.send(text)
    }
    // what goes round it arrives meanwhile
    const carol = await ended(stage.client('carol'))
    carol.socket.send('hello')
    await bob.told.peer.next()
    expect([alice, bob].map(({ received }) => received.seen)).toEqual([[], []])
    proxy.resume()
    for (const { received } of [alice, bob]) {
      for (const text of sent) expect(await received.next(text)).toBe(text)
    }
    expect(alice.told.disconnected.seen).toEqual([])
  })

  test('that is slow is no obstacle', async () => {
    const stage = await Stage.open()
    const proxy = await stage.proxy()
    proxy.delay(100)
    const [alice, bob] = await stage.pair({ url: `http://127.0.0.1:${proxy.port}` })
    await talk(alice, bob)
  })
})

describe('a pipe', () => {
  test('that is lost is connected anew when the peer is back', again, async () => {
    const stage = await Stage.open()
    const alice = stage.client('alice')
    const bob = await RawPeer.join(stage, 'bob')
    const pipe = await bob.pipe('alice')
    await ended(alice)
    pipe.terminate()
    expect((await alice.told['peer-left'].next()).slice(1)).toEqual(['k', 'lost'])
    const anew = await bob.pipe('alice')
    const { socket } = await ended(alice)
    socket.send('there you are')
    const [data] = (await once(anew, 'message')) as [Buffer]
    expect(data.toString()).toBe('there you are')
  })

  test.each([1012, 1013, ...Object.values(CloseCode).filter((code) => code > 4000)])(
    'whose peer closes it with %d does not end the client, whatever the code means',
    again,
    async (code) => {
      const stage = await Stage.open()
      const alice = stage.client('alice')
      const bob = await RawPeer.join(stage, 'bob')
      const pipe = await bob.pipe('alice')
      await ended(alice)
      pipe.close(code, 'so there')
      const [, , why] = await alice.told['peer-left'].next()
      expect(why).toBe(code === CloseCode.superseded ? 'replaced' : 'lost')
      expect(alice.client.state).toBe('connected')
      bob.introduction.send(JSON.stringify({ type: 'Join', join: ['k'] }))
      await bob.pipe('alice')
      await ended(alice)
      expect(alice.told.error.seen).toEqual([])
    },
  )

  test('is not fought over by two clients with one id', again, async () => {
    const stage = await Stage.open()
    const bob = stage.client('bob')
    const first = stage.client('twin')
    await Promise.all([ended(bob), ended(first)])
    const second = stage.client('twin')
    const [anew, atBob] = await Promise.all([ended(second), ended(bob)])
    await talk(anew, atBob)
    expect((await first.told['peer-left'].next())[2]).toBe('replaced')
    expect((await bob.told['peer-left'].next())[2]).toBe('lost')
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 1, waiting: 0 })
  })

  test('that overflows after its peer has left is not dialled again', async () => {
    class Unpausable extends WebSocket {
      static readonly dialled: string[] = []
      declare pause: never
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
        Object.assign(this, { pause: undefined })
        if (url.includes('/connection/')) Unpausable.dialled.push(url)
      }
    }
    // the first attempt after a loss would come at once
    const random = vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => random.mockRestore())
    const stage = await Stage.open()
    const alice = stage.client('alice', { WebSocket: Unpausable })
    const bob = await RawPeer.join(stage, 'bob')
    const pipe = await bob.pipe('alice')
    await alice.told.peer.next()
    const carol = await RawPeer.join(stage, 'carol')
    await carol.hears('Introduction')
    bob.introduction.close()
    await carol.hears('Departure')
    carol.introduction.send(JSON.stringify({ type: 'Signal', to: 'alice', signal: 'he has left' }))
    await alice.told.signal.next()

    for (let n = 0; n < 20; n++) pipe.send(Buffer.alloc(1024 * 1024))
    expect((await alice.told.error.next())[0]).toMatchObject({ code: 'overflow', id: 'bob' })
    expect((await alice.told['peer-left'].next()).slice(1)).toEqual(['k', 'lost'])
    await once(pipe, 'close')
    carol.introduction.send(JSON.stringify({ type: 'Signal', to: 'alice', signal: 'and stays so' }))
    await alice.told.signal.next()
    expect(Unpausable.dialled.filter((url) => url.includes('/bob/'))).toHaveLength(1)
  })

  test('that is refused is an error, and leaves the client connected', async () => {
    const stage = await Stage.open({
      authorize: (_request, { endpoint }) => endpoint !== 'connection',
    })
    const { client, told } = stage.client('alice')
    stage.client('bob')
    const [error] = await told.error.next()
    expect(error).toMatchObject({ code: 'forbidden', id: 'bob', keys: ['k'] })
    expect(client.state).toBe('connected')
  })
})

describe('a refusal that cannot heal', () => {
  const refusal = (status: number, code: 'unauthorized' | 'forbidden') => () => {
    throw new HttpRefusal(status, code, 'Not you.')
  }

  test.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
  ] as const)('ends the attempts: %d is %s', async (status, code) => {
    const stage = await Stage.open({ authorize: refusal(status, code) })
    const { client, told } = stage.client('alice')
    expect((await told.error.next())[0]).toMatchObject({ code, message: 'Not you.' })
    expect(client.state).toBe('closed')
    expect(stage.server.stats().outcomes[`refused_${code}`]).toBe(1)
  })

  test('ends the attempts: 404 is not_found', async () => {
    const stage = await Stage.open()
    const { client, told } = stage.client('alice', { url: `${stage.url}/elsewhere` })
    expect((await told.error.next())[0].code).toBe('not_found')
    expect(client.state).toBe('closed')
  })

  test('ends the attempts: an id that is too long is uri_too_long', async () => {
    const stage = await Stage.open()
    const { told } = stage.client('x'.repeat(257))
    expect((await told.error.next())[0].code).toBe('uri_too_long')
  })

  test('is noticed after a restart, too', again, async () => {
    let allowed = true
    const stage = await Stage.open({ authorize: () => allowed })
    const { client, told } = stage.client('alice')
    await told.connected.next()
    await stage.stop()
    allowed = false
    await stage.start()
    expect((await told.error.next())[0].code).toBe('forbidden')
    expect(client.state).toBe('closed')
  })

  test.each([
    [CloseCode.unauthorized, 'unauthorized'],
    [CloseCode.forbidden, 'forbidden'],
  ])('on the introduction socket: %d is %s', async (closeCode, code) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => server.close())
    await once(server, 'listening')
    let connections = 0
    server.on('connection', (socket) => {
      connections++
      socket.send('{"type":"Welcome","id":"alice","server":{"name":"x","version":"1"}}')
      socket.close(closeCode, 'No longer.')
    })
    const stage = await Stage.open()
    const { port } = server.address() as AddressInfo
    const { client, told } = stage.client('alice', { url: `ws://127.0.0.1:${port}` })
    expect((await told.error.next())[0]).toMatchObject({ code, message: 'No longer.' })
    expect([client.state, connections]).toEqual(['closed', 1])
  })
})

describe('a token', () => {
  const authorize = (_request: unknown, _claim: unknown, token: string | undefined) => {
    if (!token?.startsWith('good')) throw new HttpRefusal(401, 'unauthorized', 'No token.')
    return { expiresAt: token === 'good.short' ? Date.now() + 500 : Infinity }
  }

  test('goes with every socket', async () => {
    const stage = await Stage.open({ authorize })
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((id) => ended(stage.client(id, { token: 'good.token-1_2' }))),
    )
    await talk(alice!, bob!)
  })

  test('that has expired ends the attempts', again, async () => {
    const stage = await Stage.open({ authorize })
    const { client, told } = stage.client('alice', { token: 'good.short' })
    await told.connected.next()
    expect((await told.error.next())[0].code).toBe('unauthorized')
    expect(client.state).toBe('closed')
  })

  test('that has expired is replaced where the app can give another', again, async () => {
    const stage = await Stage.open({ authorize })
    const tokens = ['good.short', 'good.long']
    const { client, told } = stage.client('alice', { token: () => tokens.shift() ?? 'good.long' })
    await told.connected.next()
    expect((await told.disconnected.next())[0].code).toBe(CloseCode.unauthorized)
    await told.connected.next()
    expect(client.state).toBe('connected')
  })

  test(
    'that is refused is replaced likewise, and asked for no more where it is the same',
    again,
    async () => {
      const stage = await Stage.open({ authorize })
      const tokens = ['bad', 'good']
      const { told } = stage.client('alice', {
        token: () => Promise.resolve(tokens.shift() ?? 'good'),
      })
      await told.connected.next()
      const bob = stage.client('bob', { token: () => 'bad' })
      expect((await bob.told.error.next())[0].code).toBe('unauthorized')
    },
  )

  test('that cannot be had now is asked for again', again, async () => {
    const stage = await Stage.open({ authorize })
    let asked = 0
    const token = () => (asked++ === 0 ? Promise.reject(new Error('not now')) : 'good')
    const { told } = stage.client('alice', { token })
    expect(await told.disconnected.next()).toEqual([{ code: 1006, reason: 'Error: not now' }])
    await told.connected.next()
    expect(asked).toBeGreaterThan(1)
  })
})
