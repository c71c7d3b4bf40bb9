import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pieceOverhead, Share, type ByteBudget } from './byte-budget.js'
import { Fifo } from '../fifo.js'

const sliceTime = 10
// less than a millisecond of work, whatever it holds
const smallBytes = 1_024
// a description of WebRTC, an announcement, or a Join of some hundred keys
const mediumBytes = 16 * 1_024
// of medium chunks in each turn: a processor that others use as well makes one chunk last 10 ms
const leastMedium = 2 * mediumBytes

/** What a socket has read and nobody has looked at yet; null is its end. */
type Chunk = Buffer | null

// on the socket itself, as thousands are idle: a closure in each would cost more
const own = Symbol('reader')

const bytesOf = (chunk: Chunk) => chunk?.length ?? 0

/**
 * Shares the turns of the event loop among sockets that bring messages. One turn may read a chunk of
 * 64 KiB from each of a thousand sockets, and a chunk may hold ten thousand messages to be parsed.
 * After 10 ms of a turn, chunks of more than 1 KiB wait for later turns, and their sockets are not
 * read meanwhile. Each turn delivers 32 KiB of chunks of up to 16 KiB and one larger chunk, however long
 * they take; in the rest of the 10 ms it delivers more of both kinds, the smaller ones first. Chunks that
 * wait count against the budget. They also wait while the budget is exceeded: one chunk of each socket,
 * which has already been read. A chunk of a paused socket waits until the socket is resumed. In its stream
 * it would be delivered in the same turn as those of all other sockets that are resumed or closed.
 */
export class ReadingSlices {
  readonly #medium = new Fifo<Reader>()
  readonly #large = new Fifo<Reader>()
  readonly #share: Share
  #bytes = 0
  #spent = 0
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  constructor(budget: ByteBudget) {
    this.#share = new Share(budget)
  }

  /** Lets what this socket reads from now on wait for its turn. */
  add(socket: Socket): void {
    const read: ReadSocket = socket
    read[own] = new Reader(socket, this)
    socket.push = pushInTurn
  }

  /** @returns false to stop reading, as `push` of a stream does */
  take(reader: Reader, chunk: Chunk): boolean {
    if (!reader.waits && (chunk === null || !reader.paused)) {
      if (bytesOf(chunk) <= smallBytes) return reader.push(chunk)
      if (this.#free) return this.#timed(() => reader.push(chunk))
    }
    if (this.#closed) return false
    if (!reader.waits) this.#wait(reader, chunk)
    reader.wait(chunk)
    this.#count(bytesOf(chunk) + pieceOverhead)
    return false
  }

  /** Bytes of a socket that wait. */
  waiting(socket: Socket): number {
    return (socket as ReadSocket)[own]?.bytes ?? 0
  }

  /** Lets go of all that waits. */
  close(): void {
    this.#closed = true
    clearImmediate(this.#scheduled)
    this.#medium.clear()
    this.#large.clear()
    this.#count(-this.#bytes)
  }

  /** Whether a large chunk need not wait. */
  get #free(): boolean {
    return this.#spent < sliceTime && this.#medium.size + this.#large.size === 0
  }

  /** @param chunk - the one that it gets next */
  #wait(reader: Reader, chunk: Chunk): void {
    if (reader.paused) return reader.whenResumed(() => this.#resumed(reader))
    const queue = bytesOf(chunk) <= mediumBytes ? this.#medium : this.#large
    queue.push(reader)
  }

  #resumed(reader: Reader): void {
    if (this.#closed) return
    this.#wait(reader, reader.first)
    this.#schedule()
  }

  #timed<T>(act: () => T): T {
    const start = performance.now()
    try {
      return act()
    } finally {
      this.#spent += performance.now() - start
      this.#schedule()
    }
  }

  #schedule(): void {
    if (!this.#closed) this.#scheduled ??= setImmediate(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#scheduled = undefined
    this.#spent = 0
    for (let left = leastMedium; left > 0 && this.#medium.size > 0;) {
      const reader = this.#medium.shift()!
      left -= bytesOf(reader.first)
      this.#deliver(reader)
    }
    let reader = this.#large.shift() ?? this.#medium.shift()
    while (reader) {
      this.#deliver(reader)
      if (this.#spent >= sliceTime) return
      reader = this.#medium.shift() ?? this.#large.shift()
    }
  }

  #deliver(reader: Reader): void {
    if (reader.paused) return this.#wait(reader, reader.first)
    const chunk = reader.shift()
    this.#count(-bytesOf(chunk) - pieceOverhead)
    this.#timed(() => reader.deliver(chunk))
    if (reader.waits) this.#wait(reader, reader.first)
  }

  #count(more: number): void {
    this.#bytes += more
    this.#share.set(this.#bytes)
  }
}

/** A socket, and those of its chunks that wait. */
class Reader {
  /** Of the chunks that wait. */
  bytes = 0
  #chunks: Fifo<Chunk> | undefined

  constructor(
    private readonly socket: Socket,
    readonly slices: ReadingSlices,
  ) {}

  get waits(): boolean {
    return this.#chunks !== undefined
  }

  /** The chunk that {@link shift} returns. */
  get first(): Chunk {
    return this.#chunks!.first!
  }

  /** Whether its stream would keep what it gets. */
  get paused(): boolean {
    return this.socket.isPaused() && !this.socket.destroyed
  }

  /** Calls back when it is not {@link paused} any more. */
  whenResumed(callback: () => void): void {
    const ended = () => {
      this.socket.off('resume', ended).off('close', ended)
      callback()
    }
    this.socket.on('resume', ended).on('close', ended)
  }

  wait(chunk: Chunk): void {
    this.bytes += bytesOf(chunk)
    this.#chunks ??= new Fifo()
    this.#chunks.push(chunk)
  }

  shift(): Chunk {
    const chunk = this.#chunks!.shift()!
    if (this.#chunks!.size === 0) this.#chunks = undefined
    this.bytes -= bytesOf(chunk)
    return chunk
  }

  /** Hands a chunk to the stream. */
  push(chunk: Chunk): boolean {
    return Readable.prototype.push.call(this.socket, chunk)
  }

  /** Hands over a chunk that has waited. */
  deliver(chunk: Chunk): void {
    if (this.socket.destroyed) return
    this.push(chunk)
    // as net.Socket does at the end
    if (chunk === null) this.socket.read(0)
  }
}

type ReadSocket = Socket & { [own]?: Reader }

/**
 * What net.Socket calls with each chunk, and with null at the end. After `false` it stops reading until
 * the stream asks for more, which the stream does when the chunk is pushed.
 */
function pushInTurn(this: ReadSocket, chunk: Chunk): boolean {
  const reader = this[own]!
  return reader.slices.take(reader, chunk)
}
