import fc from 'fast-check'
import { clientClose, clientFrame } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { ServerGroup } from './harness/server-group.js'
import type { RawSocket } from './harness/raw-socket.js'
import { expectSame, hear, isControl, say, talk } from './harness/talks.js'

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }
const megabyte = 1024 * 1024

/** Two raw sockets on two servers that are piped, with nothing unread. */
async function pair(group: ServerGroup, key = 'k'): Promise<[RawSocket, RawSocket]> {
  const a = await group.upgraded(0, `/connection/alice/bob/${key}`, v1)
  const b = await group.upgraded(1, `/connection/bob/alice/${key}`, v1)
  for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [a, b]
}

describe('a pipe across two servers', () => {
  test(
    'row 26: carries random messages in random chunks as they were, whenever the two are paired',
    { timeout: 60_000 },
    async () => {
      const group = await ServerGroup.start(2)
      let run = 0
      const delay = fc.nat(4)
      const property = fc.asyncProperty(talk, talk, fc.nat(100), delay, async (a, b, at, slow) => {
        const key = String(++run)
        group.bus.delay = () => Math.random() * slow
        const first = await group.upgraded(0, `/connection/alice/bob/${key}`, v1)
        let coming: Promise<RawSocket> | undefined
        await say(first, a, (share) => {
          if (100 * share >= at) coming ??= group.upgraded(1, `/connection/bob/alice/${key}`, v1)
        })
        const second = await coming!
        expect(await second.json()).toEqual({ type: 'Paired' })
        const [, heard] = await Promise.all([say(second, b), hear(second)])
        expectSame(data(heard), data(a.frames))
        const [paired, ...answers] = data(await hear(first))
        expect(paired!.payload.toString()).toBe('{"type":"Paired"}')
        expectSame(answers, data(b.frames))
        for (const side of [first, second]) side.reset()
        await Promise.all([first.closed, second.closed])
      })
      const data = (frames: Awaited<ReturnType<typeof hear>>) =>
        frames.filter((frame) => !isControl(frame))
      await fc.assert(property, {
        numRuns: 100,
        interruptAfterTimeLimit: 10_000,
        markInterruptAsFailure: false,
      })
      expect(run).toBeGreaterThan(15)
      group.bus.delay = () => 0
      await group.expectQuiet()
    },
  )

  test('delivers what was held first, and says Paired to those who ask for it', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.client(0, '/connection/alice/bob/k', ['signal.v1'])
    a.send('held 1')
    a.send(Buffer.alloc(200_000, 7))
    await a.settled()
    const b = await group.client(1, '/connection/bob/alice/k')
    expect((await b.messages.next()).text).toBe('held 1')
    expect((await b.messages.next()).bytes.equals(Buffer.alloc(200_000, 7))).toBe(true)
    expect(await a.json()).toEqual({ type: 'Paired' })
    b.send('hello')
    expect((await a.messages.next()).text).toBe('hello')
    const c = await group.pair([1, 0], 'two', ['alice', 'bob'], ['signal.v1'])
    for (const side of c) expect(await side.json()).toEqual({ type: 'Paired' })
  })

  test('row 27: passes every close code with its reason, from either side', async () => {
    const group = await ServerGroup.start(2)
    for (const [number, code] of [1000, 1001, 1003, 1011, 3000, 4000, 4999].entries()) {
      const sides = await group.pair([0, 1], `k${code}`)
      const [closing, other] = number % 2 === 0 ? sides : sides.reverse()
      closing!.ws.close(code, `because ${code} – ö`)
      expect(await other!.closed).toEqual({ code, reason: `because ${code} – ö` })
      expect((await closing!.closed).code).toBe(code)
    }
    const [a, b] = await group.pair([0, 1], 'none')
    a.ws.close()
    expect(await b.closed).toEqual({ code: 1005, reason: '' })
    const [c, d] = await group.pair([0, 1], 'both')
    c.send('x')
    await d.messages.next()
    c.ws.close(4001)
    d.ws.close(4002)
    expect([(await c.closed).code, (await d.closed).code]).toEqual([4002, 4001])
    await group.expectQuiet()
  })

  test('row 28: delivers a burst before the close that follows it', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    for (let n = 0; n < 2_000; n++) a.send(`${n}`)
    for (let n = 0; n < 40; n++) a.send(Buffer.alloc(100_000, n))
    a.ws.close(4321, 'that was all')
    expect(await b.closed).toEqual({ code: 4321, reason: 'that was all' })
    const got = b.messages.take()
    expect(got.slice(0, 2_000).map(({ text }) => text)).toEqual(
      Array.from({ length: 2_000 }, (_, n) => `${n}`),
    )
    expect(got.slice(2_000).map(({ bytes }) => [bytes.length, bytes[0], bytes.at(-1)])).toEqual(
      Array.from({ length: 40 }, (_, n) => [100_000, n, n]),
    )
    await group.expectQuiet()
  })

  test('row 27: an abnormal end becomes 4410, or a disconnect in the middle of a frame', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    const [c, d] = await pair(group)
    c.write(clientFrame(2, Buffer.alloc(1_000)).subarray(0, 500))
    await eventually(() => group.members[0]!.server.stats().pipedBytes > 400, 'half a frame')
    c.reset()
    await d.ended
    d.end()
    expect(d.unread).toBe(0)
    await group.expectQuiet()
  })

  test('row 30: a forbidden frame is 1002 to its sender and 4410 to the other', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await pair(group)
    a.write(clientFrame(3, 'reserved'))
    expect(await a.closeCode()).toBe(1002)
    expect(await b.closeCode()).toBe(4410)
    for (const side of [a, b]) side.reset()
    await group.expectQuiet()
  })

  test('keeps pings and pongs of clients whole, also between fragments', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await pair(group)
    a.write(clientFrame(1, 'frag', { fin: false }))
    a.write(clientFrame(9, 'are you there'))
    a.write(clientFrame(0, 'ment'))
    expect(await b.frame()).toMatchObject({ fin: false, opcode: 1 })
    expect(await b.frame()).toEqual({ fin: true, opcode: 9, payload: Buffer.from('are you there') })
    b.write(clientFrame(10, 'are you there'))
    expect(await b.frame()).toMatchObject({ fin: true, opcode: 0 })
    expect(await a.frame()).toEqual({
      fin: true,
      opcode: 10,
      payload: Buffer.from('are you there'),
    })
  })

  test('row 32: a reader that stalls pauses its sender, with little memory on both servers', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await pair(group)
    b.socket.pause()
    const payload = Buffer.alloc(8 * megabyte, 'abcdefg')
    a.write(clientFrame(2, payload))
    a.write(clientClose(4000))
    const [here, there] = group.members.map(({ server }) => server)
    await eventually(() => there!.stats().bufferedBytes > 64 * 1024, 'a full pipe')
    let carried = -1
    await eventually(async () => {
      const before = carried
      carried = group.bus.count('data')
      await new Promise((resolve) => setTimeout(resolve, 100))
      return carried === before
    }, 'the sender to be paused')
    expect(here!.stats().bufferedBytes).toBeLessThan(megabyte)
    expect(there!.stats().bufferedBytes).toBeLessThan(megabyte)
    b.socket.resume()
    expect((await b.frame()).payload.equals(payload)).toBe(true)
    expect(await b.closeCode()).toBe(4000)
    b.write(clientClose(4000))
    for (const side of [a, b]) side.end()
    await group.expectQuiet()
  })

  test('row 32: a reader that has stalled for the stall timeout costs its sender 4408', async () => {
    const group = await ServerGroup.start(2, { stallTimeout: 400 })
    const [sender, reader] = await group.pair([0, 1])
    reader.ws.pause()
    for (let n = 0; n < 64; n++) sender.send(Buffer.alloc(megabyte))
    expect(await sender.closed).toMatchObject({ code: 4408 })
    reader.ws.resume()
    expect(await reader.closed).toMatchObject({ code: 1006 })
    expect(group.members[1]!.server.stats().outcomes.pipe_stalled).toBe(1)
    await group.expectQuiet()
  })

  test('row 33: holds less where memory is short, and both budgets go back to zero', async () => {
    const group = await ServerGroup.start(2, { maxBufferedBytes: megabyte })
    const pairs = await Promise.all(Array.from({ length: 6 }, (_, n) => pair(group, `k${n}`)))
    for (const [a, b] of pairs) {
      b.socket.pause()
      a.write(clientFrame(2, Buffer.alloc(12 * megabyte, 'x')))
    }
    const [here, there] = group.members.map(({ server }) => server)
    await eventually(() => there!.stats().bufferedBytes > megabyte / 2, 'many full pipes')
    for (const { bufferedBytes } of [here!.stats(), there!.stats()]) {
      expect(bufferedBytes).toBeLessThan(6 * megabyte)
    }
    for (const [, b] of pairs) b.socket.resume()
    for (const [a, b] of pairs) {
      expect((await b.frame()).payload.length).toBe(12 * megabyte)
      a.reset()
      b.reset()
    }
    await group.expectQuiet()
  })

  test('counts what came from its own client, so that servers can be added up', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await pair(group)
    const before = group.members.map(({ server }) => server.stats())
    const passed = () => {
      const now = group.members.map(({ server }) => server.stats())
      return [
        now[0]!.pipedBytes - before[0]!.pipedBytes,
        now[1]!.pipedBytes - before[1]!.pipedBytes,
      ]
    }
    a.write(clientFrame(2, Buffer.alloc(megabyte)))
    await b.frame()
    expect(passed()[0]).toBeGreaterThan(megabyte)
    expect(passed()[1]).toBeLessThan(megabyte / 10)
  })

  test('lives no longer than pipes may', async () => {
    const group = await ServerGroup.start(2, { maxPipeTime: 1_000 })
    const [a, b] = await group.pair([0, 1])
    expect([(await a.closed).code, (await b.closed).code]).toEqual([4408, 4408])
  })

  test('row 37: ends with 1012 on both sides when one server has drained', async () => {
    const group = await ServerGroup.start(2, { drainTimeout: 200, closeTimeout: 200 })
    const [a, b] = await group.pair([0, 1])
    a.send('x')
    await b.messages.next()
    const peer = await group.v1(1, 'peer', 'k')
    const leaving = await group.v1(0, 'leaving', 'k')
    await peer.next('Introduction')
    const drained = group.members[0]!.server.drain()
    expect((await leaving.closed).code).toBe(1012)
    expect((await peer.next('Departure')).id).toBe('leaving')
    expect([(await a.closed).code, (await b.closed).code]).toEqual([1012, 1012])
    await drained
  })
})

describe('a pair on one server', () => {
  test('says nothing on the bus but that it is there', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 0])
    for (let n = 0; n < 100; n++) a.send(Buffer.alloc(50_000))
    for (let n = 0; n < 100; n++) await b.messages.next()
    a.ws.close(4000)
    await b.closed
    expect(group.bus.count('data') + group.bus.count('close')).toBe(0)
    // each of the pair and of the two bystanders a server
    expect(group.bus.count('hold')).toBe(2 + 2 * 2)
    await group.expectQuiet()
  })

  test('row 40: is paired, and piped, while the bus is down', async () => {
    const group = await ServerGroup.start(2)
    for (const bus of group.buses) bus.up = false
    const [a, b] = await group.pair([0, 0])
    a.send('local')
    expect((await b.messages.next()).text).toBe('local')
    const one = await group.v1(0, 'one', 'k')
    const two = await group.v1(0, 'two', 'k')
    expect((await one.next('Introduction')).id).toBe('two')
    expect((await two.next('Introduction')).id).toBe('one')
  })
})
