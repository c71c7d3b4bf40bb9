import { clientClose, clientFrame, handshake } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually, within } from './harness/arrivals.js'
import { Stage } from './harness/stage.js'

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

describe('row 37: a server that drains', () => {
  test('row 37: lets nobody in, says so, and is healthy all the while', async () => {
    const stage = await Stage.open({ drainTimeout: 500, closeTimeout: 200 })
    const ready = async () => (await fetch(`${stage.http}/readyz`)).status
    expect(await ready()).toBe(200)
    const drained = stage.server.drain()
    expect(await ready()).toBe(503)
    expect((await fetch(`${stage.http}/healthz`)).status).toBe(200)
    for (const path of ['/introduction/alice', '/connection/alice/bob/k']) {
      const raw = await stage.raw()
      raw.write(handshake(path))
      const { status, headers } = await raw.response()
      expect(status).toBe(503)
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    }
    await drained
  })

  test('row 37: sends introductions and those who wait away with 1012 at once', async () => {
    const stage = await Stage.open({ drainTimeout: 60_000 })
    const alice = await stage.v1('alice', 'k')
    const waiting = await stage.client('/connection/alice/bob/k')
    const drained = stage.server.drain()
    expect(await alice.closed).toMatchObject({ code: 1012 })
    expect(await waiting.closed).toMatchObject({ code: 1012 })
    expect(stage.outcomes()).toMatchObject({ hold_timed_out: 0, hold_left: 0 })
    await stage.server.close()
    await drained
  })

  test('row 37: gives pipes the drain timeout to end by themselves, and resolves when they have', async () => {
    const stage = await Stage.open({ drainTimeout: 60_000 })
    const a = await stage.client('/connection/alice/bob/k')
    const b = await stage.client('/connection/bob/alice/k')
    const drained = stage.server.drain()
    a.send('still here')
    expect((await b.messages.next()).text).toBe('still here')
    expect(await a.close(4000, 'done')).toEqual({ code: 4000, reason: 'done' })
    expect(await b.closed).toEqual({ code: 4000, reason: 'done' })
    // the bystanders are the last that are piped
    let done = false
    void drained.then(() => (done = true))
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 1 })
    expect(done).toBe(false)
    await stage.leaveBystanders()
    await within(drained, 'the end of the drain', 1_000)
  })

  test('row 37: closes the pipes that are left with 1012 after the drain timeout', async () => {
    const stage = await Stage.open({ drainTimeout: 300 })
    const a = await stage.client('/connection/alice/bob/k')
    const b = await stage.client('/connection/bob/alice/k')
    const started = performance.now()
    const drained = stage.server.drain()
    expect(await a.closed).toMatchObject({ code: 1012 })
    expect(await b.closed).toMatchObject({ code: 1012 })
    expect(performance.now() - started).toBeGreaterThanOrEqual(295)
    await drained
    expect(stage.server.stats()).toMatchObject({ bufferedBytes: 0 })
    expect(stage.server.stats().endpoints.connection).toMatchObject({ sockets: 0, pipes: 0 })
  })

  test('row 37: does not wait for clients that answer nothing, or read nothing', async () => {
    const stage = await Stage.open({ drainTimeout: 100, closeTimeout: 100 })
    const mute = await stage.upgraded('/connection/mute/bob/k', v1)
    await stage.client('/connection/bob/mute/k')
    const unread = await stage.upgraded('/connection/unread/bob/k', v1)
    const sender = await stage.client('/connection/bob/unread/k')
    unread.socket.pause()
    sender.send(Buffer.alloc(16 * 1024 * 1024))
    const waiting = await stage.upgraded('/connection/waits/bob/k', v1)
    waiting.write(clientFrame(2, Buffer.alloc(1024 * 1024)))
    await within(stage.server.drain(), 'the end of the drain', 3_000)
    expect(stage.server.stats().endpoints.connection).toMatchObject({
      sockets: 0,
      waiting: 0,
      pipes: 0,
    })
    for (const raw of [mute, unread, waiting]) raw.reset()
  })

  test('row 37: twice waits for the same end', async () => {
    const stage = await Stage.open({ drainTimeout: 50 })
    const drains = [stage.server.drain(), stage.server.drain()]
    await within(Promise.all(drains), 'the end of both', 3_000)
  })

  test('row 37: tells 1012 to those too who are sending at that moment', async () => {
    const stage = await Stage.open({ drainTimeout: 50 })
    const sessions = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        stage.client(`/introduction/chatty-${n}`, ['signal.v1']),
      ),
    )
    for (const [n, session] of sessions.entries()) {
      session.send({ type: 'Join', join: Array.from({ length: 20 }, (_, k) => `${n}-${k}`) })
    }
    await stage.server.drain()
    await stage.server.close()
    for (const session of sessions) expect(await session.closed).toMatchObject({ code: 1012 })
  })
})

describe('a server that is closed', () => {
  test('row 38: ends whatever waits or is piped at once, and keeps no timer of it', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const stage = await Stage.open({ closeTimeout: 60_000, holdTimeout: 60_000 })
    const waiting = await stage.upgraded('/connection/waits/bob/k')
    waiting.write(clientFrame(1, 'held'))
    const closing = await stage.upgraded('/connection/closing/bob/k', v1)
    const partner = await stage.upgraded('/connection/bob/closing/k', v1)
    for (const raw of [closing, partner]) await raw.json()
    closing.write(clientClose(1000))
    await partner.closeCode()
    await stage.leaveBystanders()
    await stage.server.close()
    await Promise.all([waiting.ended, closing.ended, partner.ended])
    await eventually(() => stage.server.stats().sockets === 0, 'the end of all sockets')
    expect(stage.server.stats()).toMatchObject({ bufferedBytes: 0 })
    expect(stage.server.stats().endpoints.connection).toEqual({
      sockets: 0,
      waiting: 0,
      pipes: 0,
      remotePipes: 0,
      heldBytes: 0,
    })
    expect(timers()).toBeLessThanOrEqual(before)
    for (const raw of [waiting, closing, partner]) raw.reset()
  })
})
