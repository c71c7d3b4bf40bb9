import { SignalServer, type SignalServerOptions } from 'signal-server'
import { clientFrame, handshake } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { Client } from './harness/client.js'
import { RawSocket } from './harness/raw-socket.js'

const kibibyte = 1024
const v1 = ['signal.v1']

/** A server of its own: bystanders would be among those that give way. */
async function serve(options: SignalServerOptions) {
  const server = new SignalServer(options)
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const url = `ws://127.0.0.1:${port}`
  const forwardedFor = (address?: string): Record<string, string> =>
    address === undefined ? {} : { 'X-Forwarded-For': address }
  const ended = (client: Client) => {
    onTestFinished(() => client.ws.terminate())
    return client
  }
  return {
    server,
    port,
    outcomes: () => server.stats().outcomes,
    client: async (path: string, address?: string) => {
      const headers = forwardedFor(address)
      return ended(await Client.open(url + path, [], { headers }))
    },
    /** A session with keys, past its Welcome. */
    session: async (id: string, keys: readonly string[], address?: string) => {
      const headers = forwardedFor(address)
      const client = ended(await Client.open(`${url}/introduction/${id}`, v1, { headers }))
      await client.next('Welcome')
      if (keys.length > 0) client.send({ type: 'Join', join: keys })
      await client.settled()
      return client
    },
    /** What an upgrade is answered with. */
    status: async (path: string, address?: string) => {
      const raw = await RawSocket.open(port)
      onTestFinished(() => void raw.socket.destroy())
      raw.write(handshake(path, address ? { headers: { 'X-Forwarded-For': address } } : {}))
      return (await raw.response()).status
    },
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const keys = (count: number, prefix = 'k') => numbers(count).map((n) => `${prefix}${n}`)
const isOpen = ({ ws }: Client) => ws.readyState === ws.OPEN

/** Two peers are introduced and piped, whatever else there is. */
async function expectService({ session, client }: Awaited<ReturnType<typeof serve>>) {
  const [alice, bob] = [await session('new-alice', ['new']), await session('new-bob', ['new'])]
  expect(await alice.next('Introduction')).toMatchObject({ id: 'new-bob' })
  expect(await bob.next('Introduction')).toMatchObject({ id: 'new-alice' })
  const a = await client('/connection/new-alice/new-bob/new')
  const b = await client('/connection/new-bob/new-alice/new')
  a.send('hello')
  expect((await b.messages.next()).text).toBe('hello')
}

describe('row 51: when all sockets are taken', () => {
  test('by those that do nothing, a newcomer takes the place of the oldest', async () => {
    const stage = await serve({ maxSockets: 8, headersTimeout: 300 })
    const idle: Client[] = []
    for (const n of numbers(8)) idle.push(await stage.client(`/introduction/idle-${n}`))
    const comes = async () => (await stage.status('/introduction/new')) === 101
    await eventually(comes, 'a place')
    expect(await idle[0]!.closed).toMatchObject({ code: 1013 })
    expect(idle.slice(1).every(isOpen)).toBe(true)
    expect(stage.server.stats().connections).toBeLessThanOrEqual(8)
    expect(stage.outcomes()).toMatchObject({ session_shed: 1 })
  })

  test('by some addresses that have all they may have, a newcomer takes a place of them at once', async () => {
    const stage = await serve({ maxSockets: 32, trustProxy: true })
    for (const n of numbers(32)) {
      await stage.client(`/introduction/idle-${n}`, `203.0.113.${n % 8}`)
    }
    // more than are shed of those that others know within the same time
    for (const n of numbers(20)) {
      expect(await stage.status(`/introduction/new-${n}`, `198.51.100.${n}`)).toBe(101)
    }
  })

  test('by many addresses, each of their clients has time to begin', async () => {
    const stage = await serve({ maxSockets: 32, trustProxy: true })
    for (const n of numbers(32)) {
      await stage.client(`/introduction/idle-${n}`, `203.0.113.${n}`)
    }
    expect(await stage.status('/introduction/new', '198.51.100.1')).toBe(503)
  })

  test('by connections that were answered, a newcomer takes the place of one at once', async () => {
    const stage = await serve({ maxSockets: 8 })
    const answered = await Promise.all(numbers(8).map(() => RawSocket.open(stage.port)))
    onTestFinished(() => answered.forEach(({ socket }) => socket.destroy()))
    for (const http of answered) {
      http.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
      expect((await http.response()).status).toBe(200)
    }
    expect(await stage.status('/introduction/new')).toBe(101)
    expect(stage.server.stats().connections).toBe(8)
  })

  test('by sessions with keys, two newcomers are introduced and piped', async () => {
    const stage = await serve({ maxSockets: 32 })
    const old: Client[] = []
    for (const n of numbers(32)) old.push(await stage.session(`old-${n}`, [`k${n}`]))
    await expectService(stage)
    for (const client of old.slice(0, 4)) expect(await client.closed).toMatchObject({ code: 1013 })
    expect(old.slice(4).every(isOpen)).toBe(true)
  })

  test('idle connections go first, then those that wait, then sessions, and pipes last', async () => {
    const stage = await serve({ maxSockets: 6, headersTimeout: 300 })
    const a = await stage.client('/connection/a/b/k')
    const b = await stage.client('/connection/b/a/k')
    const joined = await stage.session('joined', ['k'])
    const hold = await stage.client('/connection/c/d/k')
    const keyless = await stage.client('/introduction/keyless')
    const http = await RawSocket.open(stage.port)
    http.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await http.response()
    // those that have only just come are left alone
    const start = performance.now()
    await eventually(() => performance.now() - start > 350, 'the end of their grace')
    const order: string[] = []
    void http.ended.then(() => order.push('http'))
    for (const [name, client] of Object.entries({ a, b, joined, hold, keyless })) {
      void client.closed.then(() => order.push(name))
    }
    // each newcomer that stays does something, so that it is not the next to go
    const come = async (id: string) => {
      await eventually(async () => {
        const gone = order.length
        await stage.session(id, [id]).catch(() => undefined)
        return order.length > gone
      }, 'a place')
    }
    for (const id of ['one', 'two', 'three']) await come(id)
    expect(order).toEqual(['http', 'hold', 'keyless'])
    await come('four')
    expect(order).toEqual(['http', 'hold', 'keyless', 'joined'])
    a.send('still here')
    expect((await b.messages.next()).text).toBe('still here')
  })

  test('a flood of newcomers does not replace everybody at once', async () => {
    const stage = await serve({ maxSockets: 60 })
    const old: Client[] = []
    for (const n of numbers(60)) old.push(await stage.session(`old-${n}`, [`k${n}`]))
    const refused: number[] = []
    for (const n of numbers(60)) {
      const status = await stage.status(`/introduction/flood-${n}`)
      if (status !== 101) refused.push(status)
    }
    expect(new Set(refused)).toEqual(new Set([503]))
    // 16 at once and one a second
    expect(old.filter(isOpen).length).toBeGreaterThan(30)
  })

  test('plain requests are answered still', async () => {
    const stage = await serve({ maxSockets: 2 })
    const alice = await stage.client('/introduction/alice')
    await stage.client('/introduction/bob')
    const http = await RawSocket.open(stage.port)
    http.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    const { status, headers } = await http.response()
    expect(status).toBe(200)
    expect(headers['connection']).toBe('close')
    await http.ended
    expect(isOpen(alice)).toBe(true)
  })
})

describe('row 51: one address', () => {
  const known = { trustProxy: 'loopback' }

  test('gets an eighth of the sockets, and the ninth a place among those of eight', async () => {
    const stage = await serve({ ...known, maxSockets: 80 })
    const address = (n: number) => `203.0.113.${n}`
    const all: Client[] = []
    for (const n of numbers(10)) all.push(await stage.session(`0-${n}`, ['k'], address(0)))
    expect(await stage.status('/introduction/more', address(0))).toBe(429)
    for (const a of numbers(7)) {
      for (const n of numbers(10)) all.push(await stage.session(`${a}-${n}`, ['k'], address(a + 1)))
    }
    const newcomer = await stage.session('ninth', ['k'], '198.51.100.1')
    expect(isOpen(newcomer)).toBe(true)
    expect(all.filter(isOpen).length).toBe(79)
  })

  test('is a network of 64 bits', async () => {
    const stage = await serve({ ...known, maxSockets: 24 })
    for (const n of numbers(3)) await stage.session(`six-${n}`, ['k'], `2001:db8::${n + 1}`)
    expect(await stage.status('/introduction/more', '2001:db8::ffff')).toBe(429)
    expect(await stage.status('/introduction/other', '2001:db8:0:1::1')).toBe(101)
  })

  test('is shut out by nobody who has a network of 48 bits', async () => {
    const stage = await serve({ ...known, maxSockets: 80 })
    const office: Client[] = []
    for (const n of numbers(9)) office.push(await stage.session(`o${n}`, ['k'], '203.0.113.1'))
    const greedy: Client[] = []
    for (const n of numbers(71)) {
      greedy.push(await stage.session(`g${n}`, [`g${n}`], `2001:db8:7:${n.toString(16)}::1`))
    }
    const newcomers: Client[] = []
    for (const n of numbers(10)) {
      newcomers.push(await stage.session(`n${n}`, ['n'], `198.51.100.${n}`))
    }
    await eventually(() => greedy.filter(isOpen).length === 61, 'the end of ten of the network')
    expect([...office, ...newcomers].every(isOpen)).toBe(true)
  })

  test('gets an eighth of the registrations, of which its largest session gives way', async () => {
    const stage = await serve({ ...known, maxRegistrations: 80, maxKeysPerPeer: 10 })
    const [here, there] = ['203.0.113.1', '203.0.113.2']
    const large = await stage.session('large', keys(7), here)
    const small = await stage.session('small', keys(3, 's'), here)
    const other = await stage.session('other', keys(9, 'o'), there)
    const newcomer = await stage.session('newcomer', keys(2, 'n'), here)
    expect(await large.closed).toMatchObject({ code: 1013 })
    newcomer.send({ type: 'Join', join: keys(8, 'm') })
    expect(await newcomer.next('Error')).toMatchObject({ code: 'server_full' })
    expect([small, other, newcomer].every(isOpen)).toBe(true)
  })

  test('gets an eighth of what is held', async () => {
    const stage = await serve({
      ...known,
      maxBufferedBytes: 4_096 * kibibyte,
      maxHeldBytes: 128 * kibibyte,
    })
    const from = (id: string, address: string) => stage.client(`/connection/${id}/x/k`, address)
    const bystander = await from('bystander', '203.0.113.2')
    bystander.send(Buffer.alloc(32 * kibibyte))
    const greedy: Client[] = []
    for (const n of numbers(4)) greedy.push(await from(`greedy-${n}`, '203.0.113.1'))
    for (const client of greedy) client.send(Buffer.alloc(120 * kibibyte))
    await eventually(() => stage.outcomes().hold_shed > 0, 'one shed')
    // an eighth of the half that is for those that wait
    const own = () => stage.server.stats().bufferedBytes - 64 * kibibyte
    expect(own()).toBeLessThanOrEqual(256 * kibibyte)
    expect(isOpen(bystander)).toBe(true)
    expect(greedy.some(isOpen)).toBe(true)
  })
})

describe('row 51: when all keys are registered', () => {
  test('the largest session gives way to one that has fewer, and the oldest of several', async () => {
    const stage = await serve({ maxRegistrations: 1_000, maxKeysPerPeer: 100 })
    const large: Client[] = []
    for (const n of numbers(10)) large.push(await stage.session(`large-${n}`, keys(100, `${n}-`)))
    await expectService(stage)
    expect(await large[0]!.closed).toMatchObject({ code: 1013 })
    expect(large.slice(1).every(isOpen)).toBe(true)
    expect(stage.outcomes()).toMatchObject({ session_shed: 1 })
  })

  test('a Join that would make its session the largest is refused, and nobody gives way', async () => {
    const stage = await serve({ maxRegistrations: 100, maxKeysPerPeer: 50 })
    const others: Client[] = []
    for (const n of numbers(10)) others.push(await stage.session(`other-${n}`, keys(10, `${n}-`)))
    const greedy = await stage.session('greedy', [])
    greedy.send({ type: 'Join', join: keys(11) })
    expect(await greedy.next('Error')).toMatchObject({ code: 'server_full' })
    expect(others.every(isOpen)).toBe(true)
  })
})

describe('row 51: when those that wait have sent all that may be held', () => {
  test('a newcomer waits, is read and is paired, and those that have sent least stay', async () => {
    const stage = await serve({ maxBufferedBytes: 4_096 * kibibyte, maxQueuedBytes: 65_536 })
    const modest = await stage.client('/connection/modest/x/k')
    modest.send('a little')
    const greedy: RawSocket[] = []
    for (const n of numbers(20)) {
      greedy.push(await RawSocket.upgrade(stage.port, `/connection/greedy-${n}/x/k`))
    }
    for (const raw of greedy) raw.write(clientFrame(2, Buffer.alloc(250 * kibibyte)))
    await eventually(() => stage.outcomes().hold_shed > 0, 'one shed')
    await expectService(stage)
    const partner = await stage.client('/connection/x/modest/k')
    expect((await partner.messages.next()).text).toBe('a little')
    // what has been read and waits for its turn counts until it is held or shed
    const isWithin = () => stage.server.stats().bufferedBytes <= 2_048 * kibibyte
    await eventually(isWithin, 'no more than may be held')
    for (const raw of greedy) raw.reset()
  })
})
