import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ByteBudget, pieceOverhead } from '../src/limits/byte-budget.js'
import { ReadingSlices } from '../src/limits/reading-slices.js'
import { eventually } from './harness/arrivals.js'
import { Turns } from './harness/turns.js'

const chunkBytes = 64 * 1024

/** What a server has got from one socket. */
interface Received {
  bytes: Buffer
  ended: boolean
}

/** A server that reads in slices, and that needs 4 ms for a chunk of 64 KiB. */
async function stage(maxBufferedBytes = Infinity) {
  const budget = new ByteBudget(maxBufferedBytes)
  const slices = new ReadingSlices(budget)
  const accepted: Socket[] = []
  /** By the first byte of what a socket sends, in the order in which the first chunks came. */
  const received = new Map<number, Received>()
  let most = 0
  const server = createServer((socket) => {
    accepted.push(socket)
    slices.add(socket)
    let own: Received | undefined
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      most = Math.max(most, budget.used)
      own ??= { bytes: Buffer.alloc(0), ended: false }
      own.bytes = Buffer.concat([own.bytes, chunk])
      received.set(own.bytes[0]!, own)
      const end = performance.now() + (chunk.length / chunkBytes) * 4
      while (performance.now() < end);
    })
    socket.on('end', () => (own!.ended = true))
  })
  onTestFinished(() => {
    slices.close()
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connected = async (count: number): Promise<Socket[]> => {
    const sockets: Socket[] = []
    while (sockets.length < count) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      onTestFinished(() => void socket.destroy())
      await once(socket, 'connect')
      sockets.push(socket)
    }
    await eventually(() => accepted.length === count, 'all sockets')
    return sockets
  }
  /** Lets a socket send each of some contents, all before the server reads any. */
  const send = async (contents: readonly Buffer[]): Promise<Socket[]> => {
    const sockets = await connected(contents.length)
    sockets.forEach((socket, i) => socket.write(contents[i]!))
    return sockets
  }
  /** Lets a socket read each of some chunks in one turn; the kernel of a busy machine takes several. */
  const readAtOnce = async (chunks: readonly Buffer[]): Promise<void> => {
    await connected(chunks.length)
    accepted.forEach((socket, i) => socket.push(chunks[i]))
  }
  const whole = (bytes: number) => () =>
    [...received.values()].every((each) => each.bytes.length === bytes)
  return { budget, slices, received, accepted, send, readAtOnce, whole, most: () => most }
}

const large = (count: number) =>
  Array.from({ length: count }, (_, i) => Buffer.alloc(chunkBytes, i))

describe('reading slices', () => {
  test('let a small chunk pass the large chunks of many sockets', async () => {
    const { received, readAtOnce } = await stage()
    await readAtOnce([...large(60), Buffer.alloc(100, 200)])
    await eventually(() => received.size === 61, 'something of all')
    expect([...received.keys()].indexOf(200)).toBeLessThan(20)
  })

  test('let chunks of some kilobytes pass larger ones, which go on nevertheless', async () => {
    const { received, readAtOnce } = await stage()
    const medium = Array.from({ length: 60 }, (_, i) => Buffer.alloc(12 * 1024, 100 + i))
    await readAtOnce([...large(60), ...medium])
    await eventually(() => received.size === 120, 'something of all')
    const order = [...received.keys()]
    const largeBefore = order.slice(0, order.indexOf(159)).filter((name) => name < 60)
    expect(largeBefore.length).toBeGreaterThan(5)
    expect(largeBefore.length).toBeLessThan(40)
  })

  test('leave the event loop to others in between', async () => {
    const { received, send } = await stage()
    await send(large(60))
    const turns = new Turns()
    await eventually(() => received.size === 60, 'something of all')
    expect(turns.stop().length).toBeGreaterThan(15)
  })

  test('keep the bytes of each socket in their order, and their end behind them', async () => {
    const { budget, received, send } = await stage()
    const contents = Array.from({ length: 20 }, (_, name) => {
      const bytes = Buffer.alloc(5 * chunkBytes)
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32BE(at, at)
      bytes[0] = name
      return bytes
    })
    for (const socket of await send(contents)) socket.end()
    const ended = () => [...received.values()].filter((each) => each.ended).length
    await eventually(() => ended() === contents.length, 'all ends')
    contents.forEach((bytes, name) => expect(received.get(name)!.bytes.equals(bytes)).toBe(true))
    expect(budget.used).toBe(0)
  })

  test('hand nothing to a socket that was paused while its chunk waited', async () => {
    const { accepted, received, send, whole } = await stage()
    const sockets = await send(large(40))
    await eventually(() => received.size > 0, 'the first chunk')
    for (const socket of accepted) socket.pause()
    const before = received.size
    expect(before).toBeLessThan(40)
    const probe = Buffer.alloc(1, 250)
    sockets.forEach((socket) => socket.write(probe))
    // the slices go on meanwhile
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(received.size).toBe(before)
    // nor to its stream, which would hand over all of it in the turn in which it is resumed or closed
    expect(accepted.filter(({ readableLength }) => readableLength > 0)).toEqual([])
    for (const socket of accepted) socket.resume()
    const turns = new Turns()
    await eventually(() => received.size === 40 && whole(chunkBytes + 1)(), 'all bytes')
    expect(turns.stop().length).toBeGreaterThan(8)
  })

  test('forget what waits of a socket that is paused when it closes', async () => {
    const { accepted, budget, received, send } = await stage()
    await send(large(40))
    await eventually(() => received.size > 0, 'the first chunk')
    for (const socket of accepted) socket.pause()
    const before = received.size
    await eventually(() => budget.used > 0, 'chunks that wait')
    for (const socket of accepted) socket.destroy()
    await eventually(() => budget.used === 0, 'nothing that waits')
    expect(received.size).toBe(before)
  })

  test('count what waits, one chunk of each socket, and let it wait past the budget as well', async () => {
    for (const max of [Infinity, 8 * chunkBytes]) {
      const { budget, received, send, most } = await stage(max)
      await send(Array.from({ length: 60 }, (_, name) => Buffer.alloc(4 * chunkBytes, name)))
      await eventually(() => received.size === 60, 'something of all')
      expect(most()).toBeGreaterThan(20 * chunkBytes)
      expect(most()).toBeLessThan(61 * (chunkBytes + pieceOverhead))
      await eventually(() => budget.used === 0, 'nothing that waits')
    }
  })

  test('let go of what waits when sockets are destroyed, or when they are closed', async () => {
    for (const act of ['destroy', 'close'] as const) {
      const { accepted, budget, slices, received, send } = await stage()
      await send(large(40))
      await eventually(() => received.size > 0, 'the first chunk')
      if (act === 'close') slices.close()
      else for (const socket of accepted) socket.destroy()
      await eventually(() => budget.used === 0, 'nothing that waits')
      expect(received.size).toBeLessThan(40)
    }
  })
})
