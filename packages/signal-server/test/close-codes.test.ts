import { clientClose, clientFrame } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { within } from './harness/arrivals.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

/** Two raw sockets that are piped: past their greeting, with nothing unread. */
async function pair(stage: Stage, key = 'k'): Promise<[RawSocket, RawSocket]> {
  const a = await stage.upgraded(`/connection/alice/bob/${key}`, v1)
  const b = await stage.upgraded(`/connection/bob/alice/${key}`, v1)
  for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [a, b]
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

// of 3000 to 4999 every seventh: they differ in nothing (frame.test.ts goes through them all)
const legal = [
  ...range(1000, 1004),
  ...range(1007, 1015),
  ...range(3000, 5000).filter((code) => code % 7 === 4 || code === 4999),
]

describe('row 27: a close frame', () => {
  test('row 27: reaches the other side with its code and reason, for every code that is legal', async () => {
    const stage = await Stage.open()
    const reason = 'because – ' + 'x'.repeat(123 - Buffer.byteLength('because – '))
    const pass = async (code: number) => {
      const [a, b] = await pair(stage, String(code))
      a.write(clientClose(code, reason))
      const { payload } = await b.frame()
      expect(payload.readUInt16BE()).toBe(code)
      expect(payload.subarray(2).toString()).toBe(reason)
      // and so does the answer
      b.write(clientClose(code, 'yes'))
      expect((await a.frame()).payload.subarray(2).toString()).toBe('yes')
      a.end()
      b.end()
      await Promise.all([a.closed, b.closed])
    }
    for (let at = 0; at < legal.length; at += 50) {
      await Promise.all(legal.slice(at, at + 50).map(pass))
    }
    expect(stage.outcomes()).toMatchObject({ pipe_closed: legal.length, pipe_peer_gone: 0 })
    await stage.expectQuiet()
  }, 60_000)

  test('row 27: without a code stays without one', async () => {
    const stage = await Stage.open()
    const a = await stage.client('/connection/alice/bob/k')
    const b = await stage.client('/connection/bob/alice/k')
    a.ws.close()
    expect(await b.closed).toEqual({ code: 1005, reason: '' })
    expect(await a.closed).toEqual({ code: 1005, reason: '' })
    await stage.expectQuiet()
  })

  test('row 27: of both sides at once ends both at once', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(clientClose(4001))
    b.write(clientClose(4002))
    expect([await a.closeCode(), await b.closeCode()]).toEqual([4002, 4001])
    await Promise.all([a.ended, b.ended])
    for (const side of [a, b]) side.end()
    await Promise.all([a.closed, b.closed])
    expect(stage.outcomes()).toMatchObject({ pipe_closed: 1 })
    await stage.expectQuiet()
  })

  test('row 27: and its answer end both TCP connections at once', async () => {
    const stage = await Stage.open({ closeTimeout: 60_000 })
    const [a, b] = await pair(stage)
    a.write(clientClose(1000))
    expect(await b.closeCode()).toBe(1000)
    b.write(clientClose(1000))
    await within(Promise.all([a.ended, b.ended]), 'the end of both connections', 2_000)
    expect(await a.closeCode()).toBe(1000)
    for (const side of [a, b]) side.end()
    await stage.expectQuiet()
  })

  test('row 27: that is not answered within the close timeout is taken as answered', async () => {
    const stage = await Stage.open({ closeTimeout: 50 })
    const [a, b] = await pair(stage)
    a.write(clientClose(1000))
    expect(await b.closeCode()).toBe(1000)
    await b.ended
    expect(await a.closeCode()).toBe(4410)
    for (const side of [a, b]) side.end()
    await a.closed
    await stage.expectQuiet()
  })

  test('what the other side still sends before it answers arrives', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(clientClose(1000))
    expect(await b.closeCode()).toBe(1000)
    b.write(clientFrame(1, 'one last thing'))
    b.write(clientClose(1000))
    expect((await a.frame()).payload.toString()).toBe('one last thing')
    expect(await a.closeCode()).toBe(1000)
    for (const side of [a, b]) side.end()
    await stage.expectQuiet()
  })

  test('what a side sends behind its own close frame goes nowhere', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(Buffer.concat([clientClose(1000), clientFrame(1, 'too late'), Buffer.from('garbage')]))
    expect(await b.closeCode()).toBe(1000)
    b.write(clientClose(1000))
    await b.ended
    expect(b.unread).toBe(0)
    for (const side of [a, b]) side.end()
    await stage.expectQuiet()
  })
})

describe('row 27: an abnormal end', () => {
  const ends = {
    'a FIN': (raw: RawSocket) => raw.end(),
    'a reset': (raw: RawSocket) => raw.reset(),
  }

  test.each(Object.entries(ends))(
    'row 27: by %s becomes 4410 for the other side',
    async (_how, end) => {
      const stage = await Stage.open()
      const [a, b] = await pair(stage)
      a.write(clientFrame(1, 'goodbye'))
      expect((await b.frame()).payload.toString()).toBe('goodbye')
      end(a)
      expect(await b.closeCode()).toBe(4410)
      b.write(clientClose(4410))
      await b.ended
      b.end()
      await a.closed
      expect(stage.outcomes()).toMatchObject({ pipe_peer_gone: 1 })
      await stage.expectQuiet()
    },
  )

  test.each(Object.entries(ends))(
    'row 27: by %s between two fragments becomes 4410, for a frame may be put in there',
    async (_how, end) => {
      const stage = await Stage.open()
      const [a, b] = await pair(stage)
      a.write(clientFrame(1, 'half a', { fin: false }))
      expect(await b.frame()).toMatchObject({ fin: false, opcode: 1 })
      end(a)
      expect(await b.closeCode()).toBe(4410)
      b.end()
      await stage.expectQuiet()
    },
  )

  test.each(Object.entries(ends))(
    'row 27: by %s in the middle of a frame becomes a plain disconnect',
    async (_how, end) => {
      const stage = await Stage.open()
      const [a, b] = await pair(stage)
      const bytes: Buffer[] = []
      b.socket.on('data', (chunk: Buffer) => bytes.push(chunk))
      const started = new Promise((resolve) => b.socket.once('data', resolve))
      a.write(clientFrame(1, 'only the beginning of this arrives').subarray(0, 6 + 8))
      await started
      end(a)
      await b.ended
      expect(Buffer.concat(bytes).subarray(2).toString()).toBe('only the')
      b.end()
      await stage.expectQuiet()
    },
  )

  test('row 27: after its own close frame tells the other side no second code', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(clientClose(4001, 'mine'))
    a.reset()
    expect(await b.closeCode()).toBe(4001)
    b.write(clientClose(4001))
    await b.ended
    expect(b.unread).toBe(0)
    b.end()
    expect(stage.outcomes()).toMatchObject({ pipe_closed: 1, pipe_peer_gone: 0 })
    await stage.expectQuiet()
  })
})

describe('row 28: a burst and then a close', () => {
  const chunk = Buffer.alloc(64 * 1024)
  const count = 256

  test('row 28: arrives whole before the close, also at a slow reader', async () => {
    const stage = await Stage.open()
    const a = await stage.client('/connection/alice/bob/k')
    const b = await stage.client('/connection/bob/alice/k')
    b.ws.pause()
    for (let n = 0; n < count; n++) {
      chunk.writeUInt32BE(n)
      a.send(Buffer.from(chunk))
    }
    a.ws.close(4123, 'that was all')
    b.ws.resume()
    expect(await b.closed).toEqual({ code: 4123, reason: 'that was all' })
    expect(b.seen.map(({ bytes }) => bytes.readUInt32BE())).toEqual(range(0, count))
    expect(await a.closed).toEqual({ code: 4123, reason: 'that was all' })
    await stage.expectQuiet()
  })

  test('row 28: arrives whole, where it came while its sender waited and the close with it', async () => {
    const stage = await Stage.open()
    const waiting = await stage.upgraded('/connection/alice/bob/k', v1)
    const texts = range(0, 100).map((n) => clientFrame(1, String(n)))
    waiting.write(Buffer.concat(texts))
    // more than is held, so that the close frame waits in the kernel
    waiting.write(clientFrame(2, Buffer.alloc(1024 * 1024)))
    waiting.write(clientClose(4123))
    const b = await stage.client('/connection/bob/alice/k')
    expect(await b.closed).toMatchObject({ code: 4123 })
    expect(b.seen.slice(0, 100).map(({ text }) => text)).toEqual(range(0, 100).map(String))
    expect(b.seen[100]!.bytes).toHaveLength(1024 * 1024)
    waiting.end()
    await stage.expectQuiet()
  })

  test('row 28: arrives whole, where its sender is gone before the reader has read it', async () => {
    const stage = await Stage.open()
    const a = await stage.upgraded('/connection/alice/bob/k', v1)
    const b = await stage.client('/connection/bob/alice/k')
    b.ws.pause()
    for (let n = 0; n < count; n++) a.write(clientFrame(2, chunk))
    a.write(clientClose(4123))
    a.end()
    b.ws.resume()
    expect(await b.closed).toMatchObject({ code: 4123 })
    expect(b.seen).toHaveLength(count)
    await stage.expectQuiet()
  })

  test('row 28: arrives whole, where the reader takes far longer than the close timeout', async () => {
    const stage = await Stage.open({ closeTimeout: 50 })
    const [a, b] = await pair(stage)
    b.socket.pause()
    a.write(clientFrame(2, chunk))
    a.write(clientClose(4123))
    const later = await stage.client('/connection/nobody/comes/k')
    for (let n = 0; n < 50; n++) await later.settled()
    // to a connection that is closed already this would be answered with a reset
    b.write(clientFrame(1, 'still reading'))
    for (let n = 0; n < 50; n++) await later.settled()
    b.socket.resume()
    expect((await b.frame()).payload).toHaveLength(chunk.length)
    expect(await b.closeCode()).toBe(4123)
    for (const side of [a, b]) side.end()
    await later.kill()
    await stage.expectQuiet()
  })
})
