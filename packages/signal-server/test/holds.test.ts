import { clientClose, clientFrame, handshake } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { Stage } from './harness/stage.js'

const kibibyte = 1024

describe('row 20: a peer that does not come', () => {
  test('row 20: ends the wait with 4408 after the hold timeout', async () => {
    const stage = await Stage.open({ holdTimeout: 600 })
    const started = performance.now()
    const alone = await stage.client('/connection/alice/bob/k')
    const closing = await alone.closed
    expect(closing).toEqual({ code: 4408, reason: expect.stringContaining('did not come') })
    expect(performance.now() - started).toBeGreaterThanOrEqual(590)
    expect(stage.outcomes()).toMatchObject({ held: 1, hold_timed_out: 1, paired: 0 })
    await stage.expectQuiet()
  })

  test('row 20: the hold timeout of one that was paired is over', async () => {
    const stage = await Stage.open({ holdTimeout: 600 })
    const alice = await stage.client('/connection/alice/bob/k')
    const bob = await stage.client('/connection/bob/alice/k')
    const other = await stage.client('/connection/alice/carol/k')
    await other.closed
    alice.send('still here')
    expect((await bob.messages.next()).text).toBe('still here')
    await alice.close()
    await bob.closed
    await stage.expectQuiet()
  })
})

test('row 21: of two requests in one place the newer waits and the older gets 4409', async () => {
  const stage = await Stage.open()
  const older = await stage.client('/connection/alice/bob/k')
  older.send('from the older')
  await older.settled()
  const newer = await stage.client('/connection/alice/bob/k')
  expect(await older.closed).toMatchObject({ code: 4409 })
  newer.send('from the newer')
  const bob = await stage.client('/connection/bob/alice/k')
  expect((await bob.messages.next()).text).toBe('from the newer')
  expect(stage.outcomes()).toMatchObject({ superseded: 1, paired: 1, hold_left: 0 })
  await bob.close()
  await newer.closed
  await stage.expectQuiet()
})

test.each(['/connection/alice/alice/k', '/connection/a%20b/a%20b/k', '/connection/%61/a/k'])(
  'row 23: a peer is not connected with itself: %s is answered with 400',
  async (path) => {
    const stage = await Stage.open()
    const raw = await stage.raw()
    raw.write(handshake(path))
    const { status, body } = await raw.response()
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ error: 'bad_request' })
    await stage.expectQuiet()
  },
)

describe('row 24: a waiting one that leaves', () => {
  const leave = {
    'with a close frame': async (stage: Stage) => {
      const client = await stage.client('/connection/alice/bob/k')
      client.send('held')
      expect(await client.close(4000, 'never mind')).toEqual({ code: 4000, reason: 'never mind' })
    },
    'with a FIN': async (stage: Stage) => {
      const raw = await stage.upgraded('/connection/alice/bob/k')
      raw.write(clientFrame(1, 'held'))
      raw.end()
      await raw.closed
    },
    'with a reset': async (stage: Stage) => {
      const raw = await stage.upgraded('/connection/alice/bob/k')
      raw.write(clientFrame(1, 'held'))
      raw.reset()
      await raw.closed
    },
    'in the middle of a frame': async (stage: Stage) => {
      const raw = await stage.upgraded('/connection/alice/bob/k')
      raw.write(clientFrame(1, 'held, but not all of it').subarray(0, 9))
      raw.end()
      await raw.closed
    },
  }

  test.each(Object.entries(leave))(
    'row 24: %s: frees its hold, and a later peer waits afresh',
    async (_how, leaves) => {
      const stage = await Stage.open()
      await leaves(stage)
      await stage.expectQuiet()
      const bob = await stage.client('/connection/bob/alice/k')
      await bob.settled()
      expect(bob.messages.length).toBe(0)
      expect(stage.outcomes()).toMatchObject({ held: 2, hold_left: 1, paired: 0 })
      const alice = await stage.client('/connection/alice/bob/k')
      alice.send('afresh')
      expect((await bob.messages.next()).text).toBe('afresh')
      await bob.close()
      await alice.closed
      await stage.expectQuiet()
    },
  )

  test('row 24: and is not read, since it has sent too much, goes at the hold timeout', async () => {
    const stage = await Stage.open({ holdTimeout: 1_000, maxHeldBytes: 64 * kibibyte })
    const raw = await stage.upgraded('/connection/alice/bob/k')
    raw.write(clientFrame(2, Buffer.alloc(512 * kibibyte)))
    raw.end()
    await raw.ended
    expect(stage.outcomes()).toMatchObject({ hold_timed_out: 1 })
    await raw.closed
    await stage.expectQuiet()
  })

  test('its ping is answered while it waits, with the same payload', async () => {
    const stage = await Stage.open()
    const raw = await stage.upgraded('/connection/alice/bob/k', {
      headers: { 'Sec-WebSocket-Protocol': 'signal.v1' },
    })
    raw.write(clientFrame(9, 'are you there?'))
    expect(await raw.frame()).toEqual({
      fin: true,
      opcode: 10,
      payload: Buffer.from('are you there?'),
    })
    raw.write(clientClose(1000))
    expect(await raw.closeCode()).toBe(1000)
    raw.end()
    await raw.closed
    await stage.expectQuiet()
  })
})

describe('row 31: a waiting one that sends ahead', () => {
  test('row 31: is read up to the limit, and loses nothing', async () => {
    const stage = await Stage.open()
    const early = await stage.client('/connection/alice/bob/k')
    const messages = Array.from({ length: 32 }, (_, n) => Buffer.alloc(64 * kibibyte, n))
    for (const message of messages) early.send(message)
    // the server has taken what it holds; the rest waits in the kernel and in the client
    early.ws.ping()
    const held = stage.server.stats().bufferedBytes
    expect(held).toBeLessThanOrEqual(256 * kibibyte)
    const late = await stage.client('/connection/bob/alice/k')
    for (const message of messages) {
      expect((await late.messages.next()).bytes.equals(message)).toBe(true)
    }
    expect(stage.server.stats().endpoints.connection).toMatchObject({ waiting: 0 })
    early.ws.close()
    await late.closed
    await stage.expectQuiet()
  })

  test('row 31: in many small frames takes no more of the budget than in one', async () => {
    const stage = await Stage.open()
    const early = await stage.client('/connection/alice/bob/k')
    for (let n = 0; n < 2_000; n++) early.send(String(n))
    await early.settled()
    expect(stage.server.stats().bufferedBytes).toBeLessThanOrEqual(16 * kibibyte)
    const late = await stage.client('/connection/bob/alice/k')
    for (let n = 0; n < 2_000; n++) expect((await late.messages.next()).text).toBe(String(n))
    early.ws.close()
    await late.closed
    await stage.expectQuiet()
  })

  test('row 31: past the budget is not read at all, the largest are shed with 1013, and a new one waits', async () => {
    const stage = await Stage.open({ maxBufferedBytes: 1024 * kibibyte, maxQueuedBytes: 65_536 })
    const early = await Promise.all(
      Array.from({ length: 16 }, (_, n) => stage.client(`/connection/early-${n}/late/k`)),
    )
    const messages = Array.from({ length: 8 }, (_, n) => Buffer.alloc(32 * kibibyte, n + 1))
    for (const client of early) for (const message of messages) client.send(message)
    // those who wait have half of the budget
    await eventually(() => stage.outcomes().hold_shed > 0, 'a spent budget')
    // what was read before they were paused is counted within a second
    await eventually(
      () => stage.server.stats().bufferedBytes <= 512 * kibibyte,
      () => `half of the budget, not ${stage.server.stats().bufferedBytes}`,
    )
    const newcomer = await stage.client('/connection/newcomer/late/k')
    newcomer.send('early')
    const partner = await stage.client('/connection/late/newcomer/k')
    expect((await partner.messages.next()).text).toBe('early')
    newcomer.ws.close()
    await partner.closed
    const shed = early.filter(({ ws }) => ws.readyState !== ws.OPEN)
    expect(shed.length).toBe(stage.outcomes().hold_shed)
    expect(shed.length).toBeLessThan(8)
    for (const client of shed) expect(await client.closed).toMatchObject({ code: 1013 })
    for (const [n, client] of early.entries()) {
      if (shed.includes(client)) continue
      const late = await stage.client(`/connection/late/early-${n}/k`)
      for (const message of messages) {
        expect((await late.messages.next()).bytes.equals(message)).toBe(true)
      }
      client.ws.close()
      await late.closed
    }
    await stage.expectQuiet()
  })
})

describe('row 35: a waiting one that floods with pings', () => {
  test('row 35: is read more slowly, and closed with 4429 when it goes on', async () => {
    const stage = await Stage.open({
      slowedTimeout: 300,
      messagesPerSecond: 20,
      messagesBurst: 100,
    })
    const flooder = await stage.upgraded('/connection/alice/bob/k')
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame(9, 'ping')))
    const flood = setInterval(() => flooder.write(many), 10)
    try {
      expect(await flooder.closeCode()).toBe(4429)
    } finally {
      clearInterval(flood)
    }
    expect(stage.outcomes()).toMatchObject({ rate_limited: 1 })
    flooder.reset()
    await stage.expectQuiet()
  })

  test('row 35: gets a pong for its last ping when it sent too many and then waits', async () => {
    const stage = await Stage.open({ messagesPerSecond: 1_000, messagesBurst: 10 })
    const eager = await stage.upgraded('/connection/alice/bob/k', {
      headers: { 'Sec-WebSocket-Protocol': 'signal.v1' },
    })
    const pings = Array.from({ length: 100 }, (_, n) => clientFrame(9, String(n)))
    eager.write(Buffer.concat(pings))
    const answered: string[] = []
    while (answered.at(-1) !== '99') answered.push((await eager.frame()).payload.toString())
    // in the order of the pings: one for each chunk in which the network delivers them, mostly one
    expect(answered).toEqual([...answered].sort((a, b) => Number(a) - Number(b)))
    expect(answered.length).toBeLessThan(10)
    eager.reset()
    await stage.expectQuiet()
  })
})
