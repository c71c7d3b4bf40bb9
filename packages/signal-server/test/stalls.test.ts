import { clientClose, clientFrame } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually, within } from './harness/arrivals.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

const megabyte = 1024 * 1024
const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

async function pair(stage: Stage): Promise<[RawSocket, RawSocket]> {
  const a = await stage.upgraded('/connection/alice/bob/k', v1)
  const b = await stage.upgraded('/connection/bob/alice/k', v1)
  for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [a, b]
}

const buffered = (stage: Stage) => stage.server.stats().bufferedBytes

describe('row 32: a reader that stalls', () => {
  test('row 32: pauses its sender, which gets 4408 after the stall timeout, and is disconnected', async () => {
    const stage = await Stage.open({ stallTimeout: 400 })
    const sender = await stage.client('/connection/alice/bob/k')
    const reader = await stage.client('/connection/bob/alice/k')
    reader.ws.pause()
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, buffered(stage))), 5)
    for (let n = 0; n < 64; n++) sender.send(Buffer.alloc(megabyte))
    expect(await sender.closed).toMatchObject({ code: 4408 })
    clearInterval(watch)
    expect(most).toBeLessThan(2 * megabyte)
    expect(stage.outcomes()).toMatchObject({ pipe_stalled: 1 })
    reader.ws.resume()
    expect(await reader.closed).toMatchObject({ code: 1006 })
    await stage.expectQuiet()
  })

  test('row 32: and is in the middle of a frame that it sends: its sender is disconnected', async () => {
    const stage = await Stage.open({ stallTimeout: 400, closeTimeout: 200 })
    const [sender, reader] = await pair(stage)
    reader.write(clientFrame(2, Buffer.alloc(megabyte)).subarray(0, megabyte / 2))
    reader.socket.pause()
    sender.write(clientFrame(2, Buffer.alloc(32 * megabyte)))
    await sender.ended
    expect(stage.outcomes()).toMatchObject({ pipe_stalled: 1 })
    for (const side of [sender, reader]) side.reset()
    await stage.expectQuiet()
  })

  test('row 32: and reads on in time loses nothing', async () => {
    const stage = await Stage.open({ stallTimeout: 10_000 })
    const [sender, reader] = await pair(stage)
    reader.socket.pause()
    const payload = Buffer.alloc(10 * megabyte, 'abc')
    sender.write(clientFrame(2, payload))
    sender.write(clientClose(1000))
    await eventually(() => buffered(stage) > 0, 'a full pipe')
    reader.socket.resume()
    expect((await reader.frame()).payload.equals(payload)).toBe(true)
    expect(await reader.closeCode()).toBe(1000)
    reader.write(clientClose(1000))
    for (const side of [sender, reader]) side.end()
    await stage.expectQuiet()
  })

  test('row 32: and whose sender has closed is disconnected after the stall timeout', async () => {
    const stage = await Stage.open({ stallTimeout: 400, closeTimeout: 50 })
    const [sender, reader] = await pair(stage)
    reader.socket.pause()
    sender.write(clientFrame(2, Buffer.alloc(8 * megabyte)))
    await eventually(() => buffered(stage) > 0, 'a full pipe')
    sender.reset()
    await stage.expectQuiet()
    reader.reset()
  })

  test('row 32: on both sides at once: both are disconnected', async () => {
    const stage = await Stage.open({ stallTimeout: 400, closeTimeout: 50 })
    const [a, b] = await pair(stage)
    for (const side of [a, b]) {
      side.socket.pause()
      side.write(clientFrame(2, Buffer.alloc(32 * megabyte)))
    }
    await eventually(() => stage.outcomes().pipe_stalled === 1, 'the end of the pipe')
    for (const side of [a, b]) side.socket.resume()
    await Promise.all([a.ended, b.ended])
    for (const side of [a, b]) side.reset()
    await stage.expectQuiet()
  })
})

test('row 32: a slow reader is not a stalled one', async () => {
  // 20 KB/s with a stall timeout of 120 s, a hundred times as fast
  const stage = await Stage.open({ stallTimeout: 1_200, closeTimeout: 200 })
  const [sender, reader] = await pair(stage)
  reader.socket.removeAllListeners('data')
  reader.socket.pause()
  reader.socket.on('readable', () => {})
  let read = 0
  let steps = 0
  const total = 16 * megabyte
  sender.write(clientFrame(2, Buffer.alloc(total)))
  const done = new Promise<void>((resolve) => {
    const reading = setInterval(() => {
      for (let left = 40_000; left > 0;) {
        const bytes = reader.socket.read(Math.min(left, reader.socket.readableLength || 1))
        if (!bytes) break
        left -= bytes.length
        read += bytes.length
      }
      if (++steps === 250) {
        clearInterval(reading)
        resolve()
      }
    }, 20)
  })
  await within(done, 'four stall times', 15_000)
  expect(read).toBeGreaterThan(4 * megabyte)
  expect(stage.outcomes()).toMatchObject({ pipe_stalled: 0, half_open: 0 })
  expect(stage.server.stats().endpoints.connection).toMatchObject({ pipes: 2 })
  for (const side of [sender, reader]) side.reset()
  await stage.expectQuiet()
})

test('row 50: small pieces that wait count with what they cost, and pause their sender', async () => {
  const stage = await Stage.open()
  const [sender, reader] = await pair(stage)
  reader.socket.pause()
  const piped = () => stage.server.stats().pipedBytes
  const send = async (frame: Buffer) => {
    const before = piped()
    sender.write(frame)
    await eventually(() => piped() > before, 'the next piece')
  }
  const large = clientFrame(2, Buffer.alloc(16 * 1024))
  while (buffered(stage) === 0) await send(large)
  const before = buffered(stage)
  const small = clientFrame(2, 'x')
  let pieces = 0
  for (; buffered(stage) < 60 * 1024; pieces++) await send(small)
  expect(pieces).toBeLessThan(100)
  expect(buffered(stage) - before).toBeGreaterThan(500 * pieces)
  // beyond the limit it is not read
  sender.write(Buffer.alloc(small.length * 1_000_000, small))
  await eventually(() => buffered(stage) > 64 * 1024, 'a full pipe')
  expect(buffered(stage)).toBeLessThan(192 * 1024)
  for (const side of [sender, reader]) side.reset()
  await stage.expectQuiet()
})

describe('row 35: pings in a pipe', () => {
  test('row 35: slow their sender, whose messages wait, and end it with 4429 when it goes on', async () => {
    const stage = await Stage.open({
      slowedTimeout: 300,
      messagesPerSecond: 20,
      messagesBurst: 100,
    })
    const [flooder, other] = await pair(stage)
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame(9, 'ping')))
    const flood = setInterval(() => flooder.write(many), 10)
    try {
      expect(await flooder.closeCode()).toBe(4429)
    } finally {
      clearInterval(flood)
    }
    expect(await other.closeCode()).toBe(4410)
    expect(stage.outcomes()).toMatchObject({ rate_limited: 1 })
    for (const side of [flooder, other]) side.reset()
    await stage.expectQuiet()
  })

  test('row 35: that are few are all passed, and pongs are never too many', async () => {
    const stage = await Stage.open({ messagesPerSecond: 0.1, messagesBurst: 20 })
    const [a, b] = await pair(stage)
    for (let n = 0; n < 20; n++) {
      a.write(clientFrame(9, `ping ${n}`))
      expect(await b.frame()).toMatchObject({ opcode: 9, payload: Buffer.from(`ping ${n}`) })
    }
    for (let n = 0; n < 100; n++) {
      b.write(clientFrame(10, `pong ${n}`))
      expect(await a.frame()).toMatchObject({ opcode: 10, payload: Buffer.from(`pong ${n}`) })
    }
    for (const side of [a, b]) side.reset()
    await stage.expectQuiet()
  })

  test('row 50: the last of many is passed, and a message never comes before a ping behind it', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    const frames = Array.from({ length: 2_000 }, (_, n) => [
      clientFrame(9, String(n)),
      clientFrame(1, String(n)),
    ])
    a.write(Buffer.concat(frames.flat()))
    let last = -1
    for (let n = 0; n < 2_000;) {
      const { opcode, payload } = await b.frame()
      const number = Number(payload)
      if (opcode === 1) expect(number).toBe(n++)
      // all that was sent before the ping has come
      else expect((last = number)).toBeLessThanOrEqual(n)
    }
    expect(last).toBe(1_999)
    for (const side of [a, b]) side.reset()
    await stage.expectQuiet()
  })
})
