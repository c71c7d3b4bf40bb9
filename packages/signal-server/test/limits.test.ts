import { clientFrame } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { Slowdown } from '../src/limits/slowdown.js'
import { TokenBucket } from '../src/limits/token-bucket.js'
import { eventually, within } from './harness/arrivals.js'
import type { Fields } from './harness/client.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }
const keys = (count: number, prefix = 'k') =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)
const text = (message: object) => clientFrame(1, JSON.stringify(message))

describe('row 18: who sends too fast', () => {
  test('is read more slowly, and loses nothing', async () => {
    const stage = await Stage.open({ messagesPerSecond: 200, messagesBurst: 20 })
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice', 'k')
    const start = performance.now()
    for (let n = 0; n < 120; n++) alice.send({ type: 'Signal', to: 'bob', signal: n })
    for (let n = 0; n < 120; n++) expect((await bob.next('Signal')).signal).toBe(n)
    // 20 at once, and 5 ms for each of the others
    expect(performance.now() - start).toBeGreaterThan(400)
    expect(alice.ws.readyState).toBe(alice.ws.OPEN)
  })

  test('is slowed by the keys that it joins and leaves, not by the number of its messages', async () => {
    const stage = await Stage.open({ keysPerSecond: 1_000, keysBurst: 1_000, messagesBurst: 1 })
    const alice = await stage.v1('alice')
    const start = performance.now()
    // as two generations of clients do when they come back
    for (let n = 0; n < 300; n++) alice.send({ type: 'Join', join: [`document-${n}`] })
    alice.send({ type: 'Leave', leave: keys(500) })
    await alice.settled()
    // at 20 messages per second it would be 15 s
    expect(performance.now() - start).toBeLessThan(5_000)
    alice.send({ type: 'Join', join: keys(600) })
    alice.send({ type: 'Leave', leave: keys(1) })
    await alice.settled()
    // what was overdrawn by the Join is paid off before the Leave is looked at
    expect(performance.now() - start).toBeGreaterThan(350)
  })

  test.each([
    ['Joins of no key', { type: 'Join', join: [] }],
    ['Leaves of no key', { type: 'Leave', leave: [] }],
    ['Joins of one key, named 1,000 times', { type: 'Join', join: Array(1_000).fill('k') }],
  ])('is slowed by %s as well', async (_what, message) => {
    const stage = await Stage.open({ keysPerSecond: 100, keysBurst: 10 })
    const alice = await stage.v1('alice')
    const start = performance.now()
    for (let n = 0; n < 30; n++) alice.send(message)
    await alice.settled()
    expect(performance.now() - start).toBeGreaterThan(150)
  })

  test('cannot shorten the pause with a cheap message', async () => {
    const stage = await Stage.open({
      keysPerSecond: 1_000,
      keysBurst: 1,
      messagesPerSecond: 1_000,
      messagesBurst: 1,
    })
    const raw = await stage.upgraded('/introduction/alice', v1)
    const start = performance.now()
    // all in one packet: what is read together is charged together
    raw.write(
      Buffer.concat([
        text({ type: 'Join', join: keys(400) }),
        clientFrame(9, ''),
        clientFrame(9, ''),
        text({ type: 'Join', join: keys(400, 'x') }),
        text({ type: 'Ping' }),
      ]),
    )
    await raw.frame('the Welcome')
    for (let type = ''; type !== 'Pong';) {
      const { opcode, payload } = await raw.frame()
      if (opcode === 1) type = (JSON.parse(payload.toString()) as Fields).type as string
    }
    expect(performance.now() - start).toBeGreaterThan(700)
  })

  test('is charged for a refused Join no more than for the largest that is allowed', async () => {
    const stage = await Stage.open({
      maxKeysPerPeer: 1_000,
      keysPerSecond: 1_000,
      keysBurst: 1_000,
    })
    const alice = await stage.v1('alice')
    const start = performance.now()
    alice.send({ type: 'Join', join: keys(50_000) })
    expect(await alice.next('Error')).toMatchObject({ code: 'too_many_keys' })
    alice.send({ type: 'Join', join: ['k'] })
    await alice.settled()
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test.each([
    ['messages', text({ type: 'Tomorrow' })],
    ['pings', clientFrame(9, 'x'.repeat(125))],
    ['pongs that nobody asked for', clientFrame(10, '')],
    ['Joins', text({ type: 'Join', join: [] })],
    ['bad messages', clientFrame(1, 'nonsense')],
  ])('is closed with 4429 when %s slow it without pause for too long', async (_what, frame) => {
    const stage = await Stage.open({
      messagesPerSecond: 50,
      messagesBurst: 10,
      keysPerSecond: 50,
      keysBurst: 10,
      slowedTimeout: 400,
      maxBadMessages: 1_000_000,
    })
    const raw = await stage.upgraded('/introduction/alice', v1)
    const start = performance.now()
    const flood = setInterval(() => raw.write(Buffer.concat(Array<Buffer>(20).fill(frame))), 20)
    const code = await raw.closeCode().finally(() => clearInterval(flood))
    expect(code).toBe(4429)
    expect(performance.now() - start).toBeGreaterThan(400)
    expect(stage.outcomes().rate_limited).toBe(1)
  })

  test('is not closed when it pauses now and then', async () => {
    const stage = await Stage.open({
      messagesPerSecond: 200,
      messagesBurst: 10,
      slowedTimeout: 300,
    })
    const alice = await stage.v1('alice')
    for (let burst = 0; burst < 3; burst++) {
      for (let n = 0; n < 40; n++) alice.send({ type: 'Tomorrow' })
      await alice.settled()
      await new Promise((resolve) => setTimeout(resolve, 1_100))
    }
    expect(alice.ws.readyState).toBe(alice.ws.OPEN)
  })

  test('is found by its peers to be gone, although it was not read when it went', async () => {
    const stage = await Stage.open({ messagesPerSecond: 2, messagesBurst: 1 })
    const bob = await stage.v1('bob', 'k')
    const raw = await stage.upgraded('/introduction/alice', v1)
    raw.write(text({ type: 'Join', join: ['k'] }))
    for (let n = 0; n < 5; n++) raw.write(text({ type: 'Tomorrow' }))
    await bob.next('Introduction')
    raw.end()
    expect(await bob.next('Departure')).toMatchObject({ id: 'alice' })
  })
})

describe('a token bucket', () => {
  test('lets so many through at once, then waits for one after the other', () => {
    const bucket = new TokenBucket(10, 5)
    for (let n = 0; n < 5; n++) expect(bucket.spend(1)).toBe(0)
    expect(bucket.spend(1)).toBeCloseTo(100, -1)
    expect(bucket.spend(10)).toBeCloseTo(1_100, -2)
  })
})

describe('a slowdown', () => {
  test('lasts as long as the longest of the pauses that were started', async () => {
    const start = performance.now()
    await new Promise<void>((resolve) => {
      const slowdown = new Slowdown(10_000, resolve)
      slowdown.start(100)
      slowdown.start(10)
      slowdown.start(200)
      slowdown.start(1)
    })
    expect(performance.now() - start).toBeGreaterThan(190)
  })

  test('of more than the limit ends there, and the next is one too many', async () => {
    const start = performance.now()
    let slowdown: Slowdown | undefined
    await new Promise<void>((resolve) => {
      slowdown = new Slowdown(100, resolve)
      expect(slowdown.start(1_000_000)).toBe(true)
    })
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(slowdown!.active).toBe(false)
    expect(slowdown!.start(1)).toBe(false)
  })
})

/** Sends a socket signals of 400,000 bytes each, from a peer of its own. */
async function burden(stage: Stage, id: string, signals: number) {
  const sender = await stage.v1(`sender to ${id}`, `with ${id}`)
  const signal = 'x'.repeat(400_000)
  for (let n = 0; n < signals; n++) sender.send({ type: 'Signal', to: id, signal })
  await sender.settled()
  return sender
}

/** An introduction socket that joined `with <id>` and reads no more. */
async function deaf(stage: Stage, id: string): Promise<RawSocket> {
  const raw = await stage.upgraded(`/introduction/${id}`, v1)
  raw.write(text({ type: 'Join', join: [`with ${id}`] }))
  raw.write(text({ type: 'Ping' }))
  await raw.json()
  await raw.json()
  raw.socket.pause()
  return raw
}

describe('row 18: who does not read', () => {
  const sending = { messagesPerSecond: 1_000, messagesBurst: 1_000 }

  test('gets 1013 when 1 MiB is queued for it, and its peers are told', async () => {
    const stage = await Stage.open(sending)
    const raw = await deaf(stage, 'deaf')
    const sender = await burden(stage, 'deaf', 60)
    expect(await sender.next('Departure')).toMatchObject({ id: 'deaf' })
    expect(stage.outcomes().slow_reader).toBe(1)
    expect(stage.server.stats().bufferedBytes).toBeLessThan(1.5 * 1024 * 1024)
    raw.socket.resume()
    expect(await raw.closeCode()).toBe(1013)
  })

  test('is disconnected where it does not even read that, and nothing stays queued', async () => {
    const stage = await Stage.open({ ...sending, closeTimeout: 200 })
    const raw = await deaf(stage, 'deaf')
    await burden(stage, 'deaf', 60)
    await eventually(() => stage.server.stats().bufferedBytes === 0, 'an empty queue')
    raw.socket.resume()
    await within(raw.ended, 'the end of the connection')
  })

  test(
    'hardly matters to a server whose memory is short, which waits for it no longer',
    { timeout: 60_000 },
    async () => {
      const limits = { maxBufferedBytes: 4 * 1024 * 1024, closeTimeout: 200 }
      const stage = await Stage.open({ ...sending, ...limits })
      const all = await Promise.all(keys(20, 'deaf-').map((id) => deaf(stage, id)))
      let most = 0
      const look = setInterval(() => (most = Math.max(most, stage.server.stats().bufferedBytes)), 1)
      for (const id of keys(20, 'deaf-')) await burden(stage, id, 30)
      clearInterval(look)
      expect(stage.outcomes().slow_reader).toBe(20)
      expect(most).toBeGreaterThan(0)
      // a signal more for each, for it is counted when it is queued
      expect(most).toBeLessThan(limits.maxBufferedBytes + 20 * 500_000)
      for (const raw of all) raw.reset()
    },
  )

  /** 200 peers who share five keys each with whoever joins all. */
  async function crowd(stage: Stage): Promise<Buffer> {
    const all = keys(1_000, 'x'.repeat(200))
    for (let n = 0; n < 200; n++) {
      const peer = await stage.v1(`peer-${n}`)
      peer.send({ type: 'Announce', info: 'i'.repeat(1_000) })
      peer.send({ type: 'Join', join: all.slice(5 * n, 5 * n + 5) })
    }
    return text({ type: 'Join', join: all })
  }
  const asking = { ...sending, keysBurst: 1_000_000, maxQueuedBytes: 64 * 1024 }

  test('is not waited for when it has asked for more than it reads', async () => {
    const stage = await Stage.open({ ...asking, stallTimeout: 1_500, closeTimeout: 200 })
    const join = await crowd(stage)
    const raw = await stage.upgraded('/introduction/deaf', v1)
    raw.socket.pause()
    // twenty megabytes of introductions: more than the kernel keeps for it
    raw.write(Buffer.concat(Array<Buffer>(40).fill(join)))
    await eventually(() => stage.outcomes().slow_reader === 1, 'the end of its patience')
    raw.reset()
  })

  test('is let finish a Join that it reads slowly', { timeout: 60_000 }, async () => {
    const stage = await Stage.open(asking)
    const join = await crowd(stage)
    const raw = await stage.upgraded('/introduction/slow', v1)
    raw.socket.pause()
    raw.write(Buffer.concat(Array<Buffer>(40).fill(join)))
    await eventually(() => stage.server.stats().bufferedBytes > 32 * 1024, 'a queue')
    raw.socket.resume()
    let introductions = 0
    while (introductions < 40 * 200) {
      if ((await raw.json()).type === 'Introduction') introductions++
    }
    expect(stage.outcomes().slow_reader).toBe(0)
  })
})

describe('a message that is never finished', () => {
  const unfinished = Buffer.concat([
    clientFrame(2, '', { claimedLength: 500_000n }),
    Buffer.alloc(400_000),
  ])

  test('is kept, and counted', async () => {
    const stage = await Stage.open()
    const all = await Promise.all(keys(10).map((id) => stage.upgraded(`/introduction/${id}`)))
    for (const raw of all) raw.write(unfinished)
    await eventually(() => stage.server.stats().bufferedBytes > 3_900_000, 'ten of them')
    for (const raw of all) raw.write(Buffer.alloc(100_000))
    await eventually(() => stage.outcomes().bad_message === 10, 'their ends')
    expect(stage.server.stats().bufferedBytes).toBe(0)
  })

  test('is given up with 1013 where memory is short', async () => {
    const stage = await Stage.open({ maxBufferedBytes: 1024 * 1024, closeTimeout: 200 })
    const all = await Promise.all(keys(10).map((id) => stage.upgraded(`/introduction/${id}`)))
    for (const raw of all) raw.write(unfinished)
    await eventually(() => stage.outcomes().session_shed > 0, 'one of them gone')
    await eventually(() => stage.server.stats().bufferedBytes < 1024 * 1024, 'room')
    const codes = await Promise.all(
      all.map((raw) => Promise.race([raw.closeCode(2_000), raw.closed]).catch(() => undefined)),
    )
    expect(codes).toContain(1013)
  })
})

describe('row 19: when every socket of a peer has died without a word', () => {
  const quick = { pingInterval: 400, pongTimeout: 400 }

  test('its peers get a Departure within the time for a ping and a pong', async () => {
    const stage = await Stage.open(quick)
    const bob = await stage.v1('bob', 'k', 'own-0', 'own-1')
    const start = performance.now()
    const sockets = await Promise.all(
      [0, 1].map(async (n) => {
        const raw = await stage.upgraded('/introduction/alice', v1)
        raw.write(text({ type: 'Join', join: ['k', `own-${n}`] }))
        return raw
      }),
    )
    await bob.next('Introduction')
    await bob.next('Introduction')
    // answers no ping from now on, as a machine that was switched off
    const left = [await bob.next('Departure'), await bob.next('Departure')]
    expect(performance.now() - start).toBeGreaterThan(700)
    expect(performance.now() - start).toBeLessThan(3_000)
    expect(left.flatMap(({ keys: gone }) => gone).sort()).toEqual(['k', 'own-0', 'own-1'])
    expect(stage.outcomes().half_open).toBe(2)
    await Promise.all(sockets.map((raw) => within(raw.ended, 'the end of a dead connection')))
  })

  test('and not while one of them lives', async () => {
    const stage = await Stage.open(quick)
    const bob = await stage.v1('bob', 'k')
    await stage.v1('alice', 'k')
    const dead = await stage.upgraded('/introduction/alice', v1)
    dead.write(text({ type: 'Join', join: ['k'] }))
    await within(dead.ended, 'the end of the dead connection')
    await bob.settled()
    expect(bob.seen.filter(({ text: each }) => each.includes('Departure'))).toEqual([])
  })

  test('but a client that only answers pings lives on', async () => {
    const stage = await Stage.open(quick)
    const alice = await stage.v1('alice', 'k')
    let pings = 0
    const three = new Promise<void>((resolve) => {
      alice.ws.on('ping', () => {
        if (++pings === 3) resolve()
      })
    })
    await within(three, 'three pings')
    expect(alice.ws.readyState).toBe(alice.ws.OPEN)
    expect(stage.outcomes().half_open).toBe(0)
  })

  test('and one that sends, and never answers a ping, lives on as well', async () => {
    const stage = await Stage.open(quick)
    const raw = await stage.upgraded('/introduction/alice')
    for (let n = 0; n < 15; n++) {
      raw.write(text({ type: 'Heartbeat' }))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(raw.socket.readyState).toBe('open')
    expect(stage.outcomes().half_open).toBe(0)
  })

  test('by default that takes at most 45 s', async () => {
    const { defaults } = await import('signal-server')
    // the heartbeat looks once a second: at what was heard, at the silence, and for the pong
    expect(defaults.pingInterval + defaults.pongTimeout + 3 * 1_000).toBeLessThanOrEqual(45_000)
  })
})
