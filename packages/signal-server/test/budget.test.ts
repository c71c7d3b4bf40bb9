import { clientFrame } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Credit, Windows } from '../src/connection/cluster/credit.js'
import { ByteBudget, Share } from '../src/limits/byte-budget.js'
import { eventually } from './harness/arrivals.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

describe('a budget', () => {
  /** A budget, and each crossing of its limit. */
  function watched(max: number, whole?: ByteBudget) {
    const budget = new ByteBudget(max, whole)
    const crossings: boolean[] = []
    budget.watch((over) => crossings.push(over))
    return { budget, crossings }
  }

  test('is over when more is used than allowed, and tells so once', () => {
    const { budget, crossings } = watched(1_000)
    budget.add(1_000)
    expect(budget.over).toBe(false)
    budget.add(1)
    budget.add(1)
    expect(budget).toMatchObject({ over: true, used: 1_002 })
    expect(crossings).toEqual([true])
  })

  test('is over until a sixteenth is free, so that a byte more or less makes no difference', () => {
    const { budget, crossings } = watched(1_600)
    budget.add(1_601)
    for (let n = 0; n < 10; n++) {
      budget.add(-10)
      budget.add(10)
    }
    expect(crossings).toEqual([true])
    budget.add(-101)
    expect(budget.over).toBe(false)
    expect(crossings).toEqual([true, false])
  })

  test('that is a part of another counts there too, and is over when that is', () => {
    const { budget: whole } = watched(1_000)
    const { budget: part, crossings } = watched(500, whole)
    part.add(501)
    expect([part.over, whole.over, whole.used]).toEqual([true, false, 501])
    part.add(-101)
    expect(part.over).toBe(false)
    whole.add(601)
    expect([part.over, whole.over]).toEqual([true, true])
    whole.add(-601)
    expect([part.over, whole.over]).toEqual([false, false])
    expect(crossings).toEqual([true, false, true, false])
  })

  test('is used by shares, which give back exactly what they have', () => {
    const { budget } = watched(1_000)
    const shares = [new Share(budget), new Share(budget)] as const
    shares[0].set(300)
    shares[1].set(50)
    shares[0].set(200)
    shares[0].set(200)
    expect(budget.used).toBe(250)
    for (const share of shares) share.set(0)
    expect(budget.used).toBe(0)
  })
})

test('row 50: small pieces that are under way to another instance count with what they cost', () => {
  const budget = new ByteBudget(1_000_000)
  const credit = new Credit(new Windows(budget))
  let pieces = 0
  while (!credit.spend(1)) if (++pieces > 1_000) break
  expect(pieces).toBeLessThan(500)
  expect(budget.used).toBeGreaterThan(500 * pieces)
  const used = budget.used
  credit.acknowledge(pieces / 2)
  expect(credit.low).toBe(false)
  expect(budget.used).toBeLessThan(0.6 * used)
  credit.acknowledge(pieces + 1)
  expect([credit.queued, credit.low, budget.used]).toEqual([0, true, 0])
})

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }
const megabyte = 1024 * 1024

async function pair(stage: Stage, key: string): Promise<[RawSocket, RawSocket]> {
  const sender = await stage.upgraded(`/connection/alice/bob/${key}`, v1)
  const reader = await stage.upgraded(`/connection/bob/alice/${key}`, v1)
  for (const side of [sender, reader]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [sender, reader]
}

/** Reads 25 KB a second from now on. */
function readSlowly({ socket }: RawSocket): void {
  socket.removeAllListeners('data')
  socket.pause()
  socket.on('readable', () => {})
  const reading = setInterval(() => {
    for (let left = 2_500; left > 0;) {
      const bytes = socket.read(Math.min(left, socket.readableLength || 1)) as Buffer | null
      if (!bytes) break
      left -= bytes.length
    }
  }, 100)
  onTestFinished(() => clearInterval(reading))
}

test(
  'row 33: stalled pairs with unfinished frames are shed with 1013 when memory is short, the longest first, and no pair that moves',
  { timeout: 60_000 },
  async () => {
    const count = 60
    const stage = await Stage.open({
      maxBufferedBytes: 5 * megabyte,
      maxQueuedBytes: megabyte,
      stallTimeout: 300_000,
      holdTimeout: 3_000,
      closeTimeout: 200,
    })
    const unfinished = clientFrame(2, Buffer.alloc(16 * megabyte)).subarray(0, 12 * megabyte)
    const [slowSender, slowReader] = await pair(stage, 'slow')
    readSlowly(slowReader)
    slowSender.write(unfinished)
    const pairs: [RawSocket, RawSocket][] = []
    const ended: number[] = []
    for (let n = 0; n < count; n++) {
      pairs.push(await pair(stage, String(n)))
    }
    const stall = ([sender, reader]: [RawSocket, RawSocket], n: number) => {
      reader.socket.pause()
      sender.write(unfinished)
      void sender.ended.then(() => ended.push(n))
    }
    pairs.slice(0, count / 2).forEach(stall)
    // those that stall first have rested for longer, by a hold timeout
    const clock = await stage.client('/connection/nobody/comes/k')
    expect(await clock.closed).toMatchObject({ code: 4408 })
    pairs.slice(count / 2).forEach((pair, n) => stall(pair, count / 2 + n))
    await eventually(() => stage.context.budget.over, 'a spent budget')
    await eventually(() => stage.outcomes().pipe_shed > 0, 'the first that is shed', 30_000)
    await eventually(() => !stage.context.budget.over, 'room again')
    const { pipe_shed: shed } = stage.outcomes()
    expect(shed).toBeLessThan(count / 2)
    expect(stage.server.stats().bufferedBytes).toBeLessThanOrEqual(5 * megabyte)
    // the others, and the slow one, live on
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 2 + count - shed })
    expect(slowSender.socket.readyState).toBe('open')
    await stage.expectHealthy()

    await eventually(() => ended.length === shed, 'the end of those that were shed')
    expect(Math.max(...ended)).toBeLessThan(count / 2)
    const [first] = pairs[ended[0]!]!
    expect(await first.closeCode()).toBe(1013)
    for (const side of [...pairs.flat(), slowSender, slowReader]) side.reset()
    await stage.expectQuiet()
  },
)

test('row 33: what every kind of client made it buffer is given back', async () => {
  const stage = await Stage.open({ closeTimeout: 100 })
  const [sender, reader] = await pair(stage, 'k')
  reader.socket.pause()
  sender.write(clientFrame(2, Buffer.alloc(16 * megabyte)))
  const waiting = await stage.upgraded('/connection/early/late/k')
  waiting.write(clientFrame(2, Buffer.alloc(megabyte)))
  const greeted = await stage.upgraded('/connection/mute/talker/k')
  const talker = await stage.upgraded('/connection/talker/mute/k', v1)
  talker.write(clientFrame(2, Buffer.alloc(megabyte)))
  await eventually(() => stage.server.stats().bufferedBytes > 400_000, 'buffered bytes')
  for (const side of [sender, reader, greeted, talker]) side.reset()
  // it is not read, so that its reset is not seen: only its partner shows it
  const late = await stage.upgraded('/connection/late/early/k', v1)
  waiting.reset()
  late.reset()
  await stage.expectQuiet()
})

test('row 51: while others use up the buffered bytes, a newcomer with much to read is waited for', async () => {
  const stage = await Stage.open({ maxInfoBytes: 32 * 1024, keysPerSecond: 1_000 })
  const keys = Array.from({ length: 320 }, (_, n) => `key ${n}`)
  const info = 'x'.repeat(24 * 1024)
  for (const [n, key] of keys.entries()) {
    const peer = await stage.v1(`peer ${n}`)
    peer.send({ type: 'Announce', info })
    peer.send({ type: 'Join', join: [key] })
    await peer.settled()
  }
  const { budget } = stage.context
  const spent = budget.max + megabyte
  budget.add(spent)
  onTestFinished(() => budget.add(-spent))
  const newcomer = await stage.v1('newcomer')
  newcomer.ws.pause()
  newcomer.send({ type: 'Join', join: keys })
  await eventually(() => budget.used > spent + 30_000, 'what waits for the newcomer')
  newcomer.ws.resume()
  for (let n = 0; n < keys.length; n++) await newcomer.next('Introduction', 10_000)
  expect(stage.outcomes().slow_reader).toBe(0)
})
