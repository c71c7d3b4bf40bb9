import { clientFrame } from 'signal-test-kit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Place, reciprocal } from '../src/connection/pairing/place.js'
import { Reintroductions } from '../src/connection/pairing/reintroductions.js'
import type { Client } from './harness/client.js'
import { Stage } from './harness/stage.js'

const place = new Place({ app: '', localId: 'alice', remoteId: 'bob', key: 'k' })
const mirrored = reciprocal(place)

describe('a pair that is to be introduced again', () => {
  let reintroductions: Reintroductions
  let introduced: number[]
  const started = () => introduced.length
  const introduce = () => introduced.push(performance.now()) > 0

  /** A connection that the test closes. */
  function connection() {
    const callbacks: (() => void)[] = []
    return {
      whenClosed: (callback: () => void) => void callbacks.push(callback),
      close: () => callbacks.forEach((callback) => callback()),
    }
  }
  const closed = { whenClosed: (callback: () => void) => callback() }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    reintroductions = new Reintroductions()
    introduced = []
  })
  afterEach(() => {
    reintroductions.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  test('row 22: waits until all of its old connections have closed', () => {
    const [one, other] = [connection(), connection()]
    reintroductions.schedule(place, [one, other], introduce)
    one.close()
    expect(started()).toBe(0)
    other.close()
    expect(started()).toBe(1)
  })

  test('row 22: waits 5 s at most', () => {
    const slow = connection()
    reintroductions.schedule(place, [slow], introduce)
    vi.advanceTimersByTime(4_999)
    expect(started()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(started()).toBe(1)
    slow.close()
    vi.advanceTimersByTime(20_000)
    expect(started()).toBe(1)
  })

  test('row 22: is introduced once in 5 s, from whichever side it failed', () => {
    reintroductions.schedule(place, [closed], introduce)
    vi.advanceTimersByTime(1_000)
    reintroductions.schedule(mirrored, [closed], introduce)
    reintroductions.schedule(place, [closed], introduce)
    expect(started()).toBe(1)
    vi.advanceTimersByTime(3_999)
    expect(started()).toBe(1)
    vi.advanceTimersByTime(1)
    expect(started()).toBe(2)
    vi.advanceTimersByTime(20_000)
    expect(started()).toBe(2)
  })

  test('row 22: is introduced at once, where nobody had to be the last time', () => {
    reintroductions.schedule(place, [closed], () => false)
    reintroductions.schedule(place, [closed], introduce)
    expect(started()).toBe(1)
  })

  test('does not keep another pair waiting', () => {
    reintroductions.schedule(place, [closed], introduce)
    reintroductions.schedule(new Place({ ...place, key: 'another' }), [closed], introduce)
    reintroductions.schedule(new Place({ ...place, app: 'another' }), [closed], introduce)
    reintroductions.schedule(new Place({ ...place, remoteId: 'carol' }), [closed], introduce)
    expect(started()).toBe(4)
  })

  test('is forgotten 5 s later', () => {
    for (let n = 0; n < 1_000; n++) {
      reintroductions.schedule(new Place({ ...place, key: String(n) }), [closed], introduce)
    }
    expect(vi.getTimerCount()).toBe(1_000)
    vi.advanceTimersByTime(5_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})

const path = '/connection/alice/bob/k'
const pathBack = '/connection/bob/alice/k'
// is not kept waiting until it shows that it listens
const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

/** Both have introduction sockets and know of each other; what they are told next is new. */
async function introducedPair(stage: Stage): Promise<{ alice: Client; bob: Client }> {
  const alice = await stage.v1('alice', 'k')
  const bob = await stage.v1('bob', 'k')
  await alice.next('Introduction')
  await bob.next('Introduction')
  return { alice, bob }
}

/** Nothing has come, not even a moment ago. */
async function expectNothing(...sessions: Client[]): Promise<void> {
  for (const session of sessions) {
    await session.settled()
    expect(session.messages.take().map(({ text }) => text)).toEqual([])
  }
}

/** Closes whatever the stage still has of the case, and checks that nothing is left. */
async function leave(stage: Stage, ...clients: Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.kill()))
  await stage.expectQuiet()
}

describe('a client that comes back while its pipe still seems alive', () => {
  test('row 22: waits, its old pipe ends, and its peer is introduced to it again', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    const old = await stage.client(path)
    const b = await stage.client(pathBack)
    old.send('before')
    expect((await b.messages.next()).text).toBe('before')

    const again = await stage.client(path)
    expect(await old.closed).toMatchObject({ code: 4409 })
    expect(await b.closed).toMatchObject({ code: 4410 })
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', keys: ['k'] })
    again.send('after')
    const bAgain = await stage.client(pathBack)
    expect((await bAgain.messages.next()).text).toBe('after')
    // alice is here already: another connection of hers would end this one
    await expectNothing(alice, bob)
    expect(stage.outcomes()).toMatchObject({ paired: 2, superseded: 1, pipe_peer_gone: 0 })
    await leave(stage, alice, bob, again, bAgain)
  })

  test('row 22: its peer is introduced only when its old TCP connection has closed', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    await stage.client(path)
    const b = await stage.upgraded(pathBack, v1)
    const again = await stage.client(path)
    expect(await b.closeCode()).toBe(4410)
    await expectNothing(bob)
    b.reset()
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', keys: ['k'] })
    await leave(stage, alice, bob, again)
  })

  test('row 22: its peer is introduced after 5 s, where its old connection does not close', async () => {
    const stage = await Stage.open({ closeTimeout: 60_000 })
    const { alice, bob } = await introducedPair(stage)
    await stage.client(path)
    const b = await stage.upgraded(pathBack, v1)
    const again = await stage.client(path)
    expect(await b.closeCode()).toBe(4410)
    const started = performance.now()
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', keys: ['k'] })
    expect(performance.now() - started).toBeGreaterThan(4_500)
    b.reset()
    await leave(stage, alice, bob, again)
  })

  test('row 22: its peer is not introduced, where it is piped again already', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    await stage.client(path)
    const b = await stage.upgraded(pathBack, v1)
    const again = await stage.client(path)
    expect(await b.closeCode()).toBe(4410)
    const bAgain = await stage.client(pathBack)
    b.reset()
    await b.closed
    again.send('hello')
    expect((await bAgain.messages.next()).text).toBe('hello')
    await expectNothing(alice, bob)
    await leave(stage, alice, bob, again, bAgain)
  })

  test('row 22: its peer is not introduced, where it waits already', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    await stage.client(path)
    const b = await stage.upgraded(pathBack, v1)
    const again = await stage.client(path)
    expect(await b.closeCode()).toBe(4410)
    // it pairs, and the one that has come back leaves; then it waits
    const bAgain = await stage.client(pathBack)
    again.ws.close()
    await bAgain.closed
    const bWaits = await stage.client(pathBack)
    b.reset()
    await b.closed
    await bWaits.settled()
    await expectNothing(bob)
    await leave(stage, alice, bob, bWaits)
  })
})

describe('after a failure that neither wanted', () => {
  test('row 22: both are introduced again when one of them vanished', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    const a = await stage.upgraded(path, v1)
    const b = await stage.client(pathBack)
    a.reset()
    expect(await b.closed).toMatchObject({ code: 4410 })
    expect(await alice.next('Introduction')).toMatchObject({ id: 'bob', keys: ['k'] })
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', keys: ['k'] })
    await leave(stage, alice, bob)
  })

  test('row 22: both are introduced again after a wait that timed out', async () => {
    const stage = await Stage.open({ holdTimeout: 600 })
    const { alice, bob } = await introducedPair(stage)
    const a = await stage.client(path)
    expect(await a.closed).toMatchObject({ code: 4408 })
    expect(await alice.next('Introduction')).toMatchObject({ id: 'bob' })
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice' })
    await leave(stage, alice, bob)
  })

  test('row 22: nobody is introduced who does not want the key any more', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    bob.send({ type: 'Leave', leave: ['k'] })
    await alice.next('Departure')
    const a = await stage.upgraded(path, v1)
    const b = await stage.client(pathBack)
    a.write(clientFrame(3, 'forbidden'))
    expect(await a.closeCode()).toBe(1002)
    a.reset()
    await b.closed
    await expectNothing(alice, bob)
    await leave(stage, alice, bob)
  })

  test('row 22: the one that has come back by itself is not introduced', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    const a = await stage.upgraded(path, v1)
    const b = await stage.upgraded(pathBack, v1)
    a.reset()
    expect(await b.closeCode()).toBe(4410)
    const aAgain = await stage.client(path)
    b.reset()
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice' })
    await expectNothing(alice)
    await leave(stage, alice, bob, aAgain)
  })

  test('row 22: at most once in 5 s', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await introducedPair(stage)
    const fail = async () => {
      const a = await stage.upgraded(path, v1)
      const b = await stage.client(pathBack)
      a.reset()
      await b.closed
    }
    await fail()
    await bob.next('Introduction')
    await alice.next('Introduction')
    const started = performance.now()
    for (let times = 0; times < 3; times++) await fail()
    await expectNothing(alice, bob)
    await Promise.all([bob.next('Introduction'), alice.next('Introduction')])
    expect(performance.now() - started).toBeGreaterThan(4_500)
    await expectNothing(alice, bob)
    await leave(stage, alice, bob)
  })
})

test('row 22: after a close that was meant nobody is introduced', async () => {
  const stage = await Stage.open()
  const { alice, bob } = await introducedPair(stage)
  const a = await stage.client(path)
  const b = await stage.client(pathBack)
  await a.close(1000)
  await b.closed
  await expectNothing(alice, bob)
  await leave(stage, alice, bob)
})
