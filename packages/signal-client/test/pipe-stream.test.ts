import { randomBytes } from 'node:crypto'
import type { Chunk, PipeStream } from 'signal-client'
import { expect, test } from 'vitest'
import { within } from './harness/events.js'
import { RawPeer } from './harness/raw-peer.js'
import { Stage, type Actor } from './harness/stage.js'

async function streams(stage: Stage): Promise<[PipeStream, PipeStream, Actor, Actor]> {
  const alice = stage.client('alice')
  const bob = stage.client('bob')
  const [[atAlice], [atBob]] = await Promise.all([alice.told.peer.next(), bob.told.peer.next()])
  return [atAlice.stream('k')!, atBob.stream('k')!, alice, bob]
}

async function all(stream: PipeStream): Promise<Chunk[]> {
  const chunks: Chunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

test('a stream carries text and bytes, and ends when the pipe is closed', async () => {
  const stage = await Stage.open()
  const [a, b, alice] = await streams(stage)
  const writer = a.writable.getWriter()
  void writer.write('text')
  void writer.write(new Uint8Array([1, 2, 3]))
  void writer.write('')
  void writer.close()
  expect(await all(b)).toEqual(['text', new Uint8Array([1, 2, 3]), ''])
  expect((await alice.told['peer-left'].next())[2]).toBe('closed')
})

test('it is the same stream each time it is asked for, and none where there is no pipe', async () => {
  const stage = await Stage.open()
  const [a, , alice] = await streams(stage)
  const peer = alice.client.peers.get('bob')!
  expect(peer.stream('k')).toBe(a)
  expect(peer.stream('another')).toBeUndefined()
})

test('it is refused where listeners get the messages', async () => {
  const stage = await Stage.open()
  const [alice] = await stage.pair()
  expect(() => alice.socket.stream()).toThrow(TypeError)
})

test('its readable can be piped, here through a decompression', async () => {
  const stage = await Stage.open()
  const [a, b] = await streams(stage)
  const text = 'raccoons '.repeat(10_000)
  const sent = new Blob([text])
    .stream()
    .pipeThrough(new CompressionStream('gzip'))
    .pipeTo(a.writable)
  const bytes = b.readable as ReadableStream<Uint8Array<ArrayBuffer>>
  const received = new Response(bytes.pipeThrough(new DecompressionStream('gzip')))
  expect(await received.text()).toBe(text)
  await sent
})

test('it fails where the pipe is lost, after what had come', async () => {
  const stage = await Stage.open()
  const alice = stage.client('alice')
  const bob = await RawPeer.join(stage, 'bob')
  const pipe = await bob.pipe('alice')
  const [peer] = await alice.told.peer.next()
  const stream = peer.stream('k')!
  const writer = stream.writable.getWriter()
  pipe.send('the last words')
  const reader = stream.readable.getReader()
  expect(await reader.read()).toEqual({ done: false, value: 'the last words' })
  pipe.terminate()
  await expect(reader.read()).rejects.toMatchObject({ name: 'SignalError', code: 'lost' })
  await expect(writer.closed).rejects.toMatchObject({ code: 'lost' })
})

test.each(['cancelled', 'left'])('the pipe is closed where its reading is %s', async (how) => {
  const stage = await Stage.open()
  const [a, b, alice, bob] = await streams(stage)
  void a.writable.getWriter().write('hello')
  if (how === 'cancelled') await b.readable.cancel()
  else for await (const chunk of b) if (chunk === 'hello') break
  expect((await alice.told['peer-left'].next())[2]).toBe('closed')
  expect((await bob.told['peer-left'].next())[2]).toBe('closed')
})

test('who does not read holds the sender back, and then gets all of it', async () => {
  const stage = await Stage.open()
  const [a, b] = await streams(stage)
  const chunk = new Uint8Array(randomBytes(64 * 1024))
  const total = 64 * 1024 * 1024
  let written = 0
  let blocked: () => void
  const stops = new Promise<void>((resolve) => (blocked = resolve))
  const writer = a.writable.getWriter()
  const writing = (async () => {
    while (written < total) {
      const pause = setTimeout(() => blocked(), 1_000)
      await writer.write(chunk)
      clearTimeout(pause)
      written += chunk.length
    }
    await writer.close()
  })()
  await within(stops, 'the writer has to wait')
  expect(written).toBeLessThan(total / 2)
  let read = 0
  for await (const each of b) {
    expect(Buffer.compare(each as Uint8Array, chunk)).toBe(0)
    read += each.length
  }
  await writing
  expect(read).toBe(total)
})

test('10,000 messages each way reach a slow reader, in order', { timeout: 60_000 }, async () => {
  const stage = await Stage.open()
  const [a, b] = await streams(stage)
  const count = 10_000
  const padding = 'x'.repeat(500)
  const write = async ({ writable }: PipeStream) => {
    const writer = writable.getWriter()
    for (let n = 0; n < count; n++) await writer.write(`${n} ${padding}`)
  }
  const read = async ({ readable }: PipeStream) => {
    const reader = readable.getReader()
    for (let n = 0; n < count; n++) {
      const { value } = await reader.read()
      expect(value).toBe(`${n} ${padding}`)
      // a turn of the event loop for every few messages
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    return count
  }
  const [, , atA, atB] = await Promise.all([write(a), write(b), read(a), read(b)])
  expect([atA, atB]).toEqual([count, count])
})
