import type { Socket } from 'node:net'
import { pieceOverhead, Share, type ByteBudget } from './byte-budget.js'
import { Fifo } from '../fifo.js'

const sliceTime = 10
// less than a millisecond of work, whatever it holds
const smallBytes = 1_024
// a description of WebRTC, an announcement, or a Join of some hundred keys
const mediumBytes = 16 * 1_024

/** What a socket has read and nobody has looked at yet; null is its end. */
type Chunk = Buffer | null

/** A socket of which a chunk waits. */
interface Reader {
  readonly chunks: Fifo<Chunk>
  readonly deliver: (chunk: Chunk) => void
}

const bytesOf = (chunk: Chunk | undefined) => chunk?.length ?? 0

/**
 * Shares the turns of the event loop among sockets that bring messages. One turn may read a chunk of
 * 64 KiB from each of a thousand sockets, and a chunk may hold ten thousand messages to be parsed.
 * After 10 ms of a turn, chunks of more than 1 KiB wait for later turns, and their sockets are not
 * read meanwhile. Of those that wait, chunks of up to 16 KiB come first, and one larger chunk in each
 * turn. They count against the budget; while it is exceeded, none waits.
 */
export class ReadingSlices {
  readonly #medium = new Fifo<Reader>()
  readonly #large = new Fifo<Reader>()
  readonly #share: Share
  #bytes = 0
  #spent = 0
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  constructor(private readonly budget: ByteBudget) {
    this.#share = new Share(budget)
  }

  /** Lets what this socket reads from now on wait for its turn. */
  add(socket: Socket): void {
    const push = socket.push.bind(socket)
    const chunks = new Fifo<Chunk>()
    const deliver = (chunk: Chunk) => {
      if (socket.destroyed) return
      push(chunk)
      // as net.Socket does at the end
      if (chunk === null) socket.read(0)
    }
    // What net.Socket calls with each chunk, and with null at the end. After `false` it stops reading
    // until the stream asks for more, which the stream does when the chunk is pushed.
    socket.push = (chunk: Chunk) => {
      if (chunks.size === 0) {
        if (bytesOf(chunk) <= smallBytes) return push(chunk)
        if (this.#maySkip()) return this.#timed(() => push(chunk))
      }
      if (this.#closed) return false
      chunks.push(chunk)
      this.#count(bytesOf(chunk) + pieceOverhead)
      if (chunks.size === 1) this.#wait({ chunks, deliver })
      return false
    }
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
  #maySkip(): boolean {
    if (this.budget.over) return true
    return this.#spent < sliceTime && this.#medium.size + this.#large.size === 0
  }

  #wait(reader: Reader): void {
    const bytes = bytesOf(reader.chunks.first)
    const queue = bytes <= mediumBytes ? this.#medium : this.#large
    queue.push(reader)
  }

  #timed<T>(act: () => T): T {
    const start = performance.now()
    try {
      return act()
    } finally {
      this.#spent += performance.now() - start
      if (!this.#closed) this.#scheduled ??= setImmediate(() => this.#nextTurn())
    }
  }

  #nextTurn(): void {
    this.#scheduled = undefined
    this.#spent = 0
    let reader = this.#large.shift() ?? this.#medium.shift()
    while (reader) {
      this.#deliver(reader)
      if (this.#spent >= sliceTime) return
      reader = this.#medium.shift() ?? this.#large.shift()
    }
  }

  #deliver(reader: Reader): void {
    const chunk = reader.chunks.shift()!
    this.#count(-bytesOf(chunk) - pieceOverhead)
    this.#timed(() => reader.deliver(chunk))
    if (reader.chunks.size > 0) this.#wait(reader)
  }

  #count(more: number): void {
    this.#bytes += more
    this.#share.set(this.#bytes)
  }
}
