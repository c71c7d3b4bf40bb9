import { once } from 'node:events'
import { clientFrame } from 'signal-test-kit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Heartbeat, type Monitored } from '../src/limits/heartbeat.js'
import { eventually, within } from './harness/arrivals.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

describe('the heartbeat', () => {
  let heartbeat: Heartbeat

  /** A client that notes what the heartbeat does with it, second by second. */
  class Recorder implements Monitored {
    heard = true
    lastHeard = 0
    pingedAt = 0
    readonly log: string[] = []
    able = true
    beats = 0

    ping(): boolean {
      if (this.able) this.log.push(`pinged after ${seconds()}`)
      return this.able
    }

    lapsed(): void {
      this.log.push(`lapsed after ${seconds()}`)
      heartbeat.remove(this)
    }

    beat(): void {
      this.beats++
    }
  }

  const started = { at: 0 }
  const seconds = () => Math.round((performance.now() - started.at) / 1_000)

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
    heartbeat = new Heartbeat(22_000, 20_000)
    started.at = performance.now()
  })
  afterEach(() => {
    heartbeat.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  const client = () => {
    const recorder = new Recorder()
    heartbeat.add(recorder)
    return recorder
  }

  test('row 34: pings after 22 s of silence and gives up 20 s later', () => {
    const mute = client()
    vi.advanceTimersByTime(60_000)
    expect(mute.log).toEqual(['pinged after 23', 'lapsed after 43'])
    expect(heartbeat.size).toBe(0)
  })

  test('leaves those alone that are heard, and asks them again only after another silence', () => {
    const alive = client()
    vi.advanceTimersByTime(30_000)
    alive.heard = true
    vi.advanceTimersByTime(22_000)
    alive.heard = true
    vi.advanceTimersByTime(22_000)
    expect(alive.log).toEqual(['pinged after 23'])
    vi.advanceTimersByTime(2_000)
    expect(alive.log).toEqual(['pinged after 23', 'pinged after 75'])
  })

  test('does not hold silence against those that could not be asked', () => {
    const paused = client()
    paused.able = false
    vi.advanceTimersByTime(300_000)
    expect(paused.log).toEqual([])
    paused.able = true
    vi.advanceTimersByTime(1_000)
    expect(paused.log).toEqual(['pinged after 301'])
  })

  test('does not count the time for which the process stood still', () => {
    const slept = client()
    vi.advanceTimersByTime(10_000)
    // the timer does not fire meanwhile, as when the machine sleeps
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_600_000)
    vi.advanceTimersByTime(10_000)
    expect(slept.log).toEqual([])
  })

  test('beats once a second', () => {
    const recorder = client()
    vi.advanceTimersByTime(10_000)
    expect(recorder.beats).toBe(10)
  })
})

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }
const quick = { pingInterval: 100, pongTimeout: 100 }

/** Two raw sockets that are piped: past their greeting, with nothing unread. They answer nothing. */
async function pair(stage: Stage): Promise<[RawSocket, RawSocket]> {
  const a = await stage.upgraded('/connection/alice/bob/k', v1)
  const b = await stage.upgraded('/connection/bob/alice/k', v1)
  for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [a, b]
}

/** Answers the server's pings from now on, and leaves everything else to the test. */
async function answerPings(raw: RawSocket): Promise<never> {
  for (;;) {
    const { opcode, payload } = await raw.frame('a ping', 60_000)
    if (opcode === 9) raw.write(clientFrame(10, payload))
  }
}

describe('row 34: a peer that is there no more, as far as can be seen', () => {
  test('row 34: is found in a pipe, and the other side gets 4410', async () => {
    const stage = await Stage.open(quick)
    const alive = await stage.client('/connection/alice/bob/k')
    const mute = await stage.upgraded('/connection/bob/alice/k', v1)
    const started = performance.now()
    expect(await alive.closed).toMatchObject({ code: 4410 })
    expect(performance.now() - started).toBeLessThan(1_000)
    await mute.ended
    expect(stage.outcomes()).toMatchObject({ half_open: 1 })
    mute.end()
    await stage.expectQuiet()
  })

  test('row 34: is found while it waits', async () => {
    const stage = await Stage.open(quick)
    const mute = await stage.upgraded('/connection/alice/bob/k')
    mute.write(clientFrame(1, 'held'))
    await mute.ended
    expect(stage.outcomes()).toMatchObject({ held: 1, half_open: 1 })
    mute.end()
    await stage.expectQuiet()
  })

  test('row 34: is found in the middle of a frame, where it cannot be asked', async () => {
    const stage = await Stage.open(quick)
    const alive = await stage.upgraded('/connection/alice/bob/k', v1)
    const mute = await stage.upgraded('/connection/bob/alice/k', v1)
    mute.write(clientFrame(2, Buffer.alloc(1_000)).subarray(0, 500))
    // the other side can't be told with a close frame in there
    await within(Promise.all([mute.ended, alive.ended]), 'the end of both', 2_000)
    for (const side of [alive, mute]) side.end()
    expect(stage.outcomes()).toMatchObject({ half_open: 1 })
    await stage.expectQuiet()
  })

  test('row 34: is found while it waits in the middle of a frame', async () => {
    const stage = await Stage.open(quick)
    const mute = await stage.upgraded('/connection/alice/bob/k', v1)
    mute.write(clientFrame(2, Buffer.alloc(1_000)).subarray(0, 500))
    await mute.ended
    mute.end()
    expect(stage.outcomes()).toMatchObject({ half_open: 1 })
    await stage.expectQuiet()
  })

  test('row 34: is judged by progress while it does not read, not by its pongs', async () => {
    const stage = await Stage.open({ ...quick, stallTimeout: 1_000, closeTimeout: 100 })
    const [sender, reader] = await pair(stage)
    reader.socket.pause()
    void answerPings(sender).catch(() => {})
    sender.write(clientFrame(2, Buffer.alloc(32 * 1024 * 1024)))
    const started = performance.now()
    await sender.ended
    expect(performance.now() - started).toBeGreaterThan(950)
    expect(stage.outcomes()).toMatchObject({ half_open: 0, pipe_stalled: 1 })
    for (const side of [sender, reader]) side.reset()
    await stage.expectQuiet()
  })

  test('row 34: is judged by its partner while it is not read itself', async () => {
    const stage = await Stage.open({ ...quick, stallTimeout: 1_000, closeTimeout: 100 })
    const [sender, reader] = await pair(stage)
    reader.socket.pause()
    // from now on it shows nothing any more, and could not be heard
    sender.write(clientFrame(2, Buffer.alloc(32 * 1024 * 1024)))
    sender.socket.pause()
    await eventually(() => stage.outcomes().pipe_stalled === 1, 'the end of the stalled pipe')
    expect(stage.outcomes()).toMatchObject({ half_open: 0 })
    for (const side of [sender, reader]) side.reset()
    await stage.expectQuiet()
  })

  test('row 34: and holds too much is let go at the hold timeout', async () => {
    const stage = await Stage.open({ ...quick, holdTimeout: 1_000 })
    const mute = await stage.upgraded('/connection/alice/bob/k', v1)
    mute.write(clientFrame(2, Buffer.alloc(4 * 1024 * 1024)))
    expect(await mute.closeCode()).toBe(4408)
    mute.reset()
    expect(stage.outcomes()).toMatchObject({ half_open: 0, hold_timed_out: 1 })
    await stage.expectQuiet()
  })
})

/** Resolves when a mute peer that has come just now was found, several times in a row. */
async function severalSilences(stage: Stage, times = 4): Promise<void> {
  for (let n = 0; n < times; n++) {
    const mute = await stage.upgraded(`/connection/mute/nobody/${n}`, v1)
    await mute.ended
    mute.end()
  }
}

describe('a peer that is there', () => {
  test('row 34: stays, however long it is silent, and its pongs are not for the other side', async () => {
    const stage = await Stage.open(quick)
    const [a, b] = await pair(stage)
    const pings = { a: 0, b: 0 }
    const answer = async (raw: RawSocket, name: 'a' | 'b') => {
      for (;;) {
        const { opcode, payload } = await raw.frame('a ping', 60_000)
        expect(opcode).toBe(9)
        pings[name]++
        raw.write(clientFrame(10, payload))
      }
    }
    const answering = Promise.all([answer(a, 'a'), answer(b, 'b')])
    await Promise.race([answering, severalSilences(stage)])
    expect(Math.min(pings.a, pings.b)).toBeGreaterThanOrEqual(3)
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 2 })
    answering.catch(() => {})
    for (const side of [a, b]) side.reset()
    await stage.expectQuiet()
  })

  test('its own pings pass to the other side, and the pongs come back', async () => {
    const stage = await Stage.open(quick)
    const [a, b] = await pair(stage)
    a.write(clientFrame(9, 'hello?'))
    expect(await b.frame()).toMatchObject({ opcode: 9, payload: Buffer.from('hello?') })
    b.write(clientFrame(10, 'hello?'))
    expect(await a.frame()).toMatchObject({ opcode: 10, payload: Buffer.from('hello?') })
    for (const side of [a, b]) side.reset()
    await stage.expectQuiet()
  })

  test('row 34: is never pinged in the middle of a frame', async () => {
    const stage = await Stage.open(quick)
    const [sender, reader] = await pair(stage)
    void answerPings(sender).catch(() => {})
    const frame = clientFrame(2, Buffer.alloc(60, 7))
    const dribble = setInterval(() => sender.write(frame.subarray(at, ++at)), 10)
    let at = 0
    const nextFrame = async () => {
      const frame = await reader.frame('the frame')
      if (frame.opcode === 9) reader.write(clientFrame(10, frame.payload))
      return frame
    }
    // it may have been asked before the frame began
    let got = await nextFrame()
    while (got.opcode === 9) got = await nextFrame()
    clearInterval(dribble)
    // it took several silences, and the reader, which is silent, got it in one piece
    expect(got).toEqual({ fin: true, opcode: 2, payload: Buffer.alloc(60, 7) })
    expect((await nextFrame()).opcode).toBe(9)
    for (const side of [sender, reader]) side.reset()
    await stage.expectQuiet()
  })

  test('row 32: is not given up while it may still have to read what was written before the ping', async () => {
    const stage = await Stage.open({ ...quick, stallTimeout: 20_000 })
    const [sender, reader] = await pair(stage)
    void answerPings(sender).catch(() => {})
    reader.socket.pause()
    // little enough for the kernel to take it at once, and far more than is read in 200 ms
    sender.write(clientFrame(2, Buffer.alloc(128 * 1024)))
    await severalSilences(stage, 6)
    reader.socket.resume()
    expect((await reader.frame()).payload).toHaveLength(128 * 1024)
    expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 2 })
    for (const side of [sender, reader]) side.reset()
    await stage.expectQuiet()
  })

  test('row 34: is found soon when it goes silent after a lot of traffic that it did read', async () => {
    const stage = await Stage.open({ ...quick, stallTimeout: 60_000 })
    const sender = await stage.client('/connection/alice/bob/k')
    const reader = await stage.client('/connection/bob/alice/k')
    for (let n = 0; n < 64; n++) sender.send(Buffer.alloc(128 * 1024))
    for (let n = 0; n < 64; n++) await reader.messages.next()
    await within(once(reader.ws, 'ping'), 'the question whether it has read all that')
    // from now on it neither reads nor answers
    reader.ws.pause()
    expect(await within(sender.closed, 'the end', 5_000)).toMatchObject({ code: 4410 })
    expect(stage.outcomes()).toMatchObject({ half_open: 1 })
    await reader.kill()
    await stage.expectQuiet()
  })
})
