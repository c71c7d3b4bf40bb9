import type { Socket } from 'node:net'
import { pieceOverhead, Share, type ByteBudget } from '../../limits/byte-budget.js'
import { Greeting } from './greeting.js'

// the slowest reader that is still served well: 20 KB/s, in bytes a millisecond
const slowestReader = 20

/** What goes out to one client: counted, and watched for progress. */
export class SendQueue {
  /** Until the client listens. */
  #greeting: Greeting | undefined
  #corked = false
  /** Pieces that wait in the socket. */
  #pieces = 0
  /** Whether {@link exceeds} was true, and nobody has been told yet that there is room again. */
  #full = false
  #written = 0
  #flushed = 0
  #read = 0
  #stalledFor = 0
  readonly #share: Share

  /**
   * @param longest - milliseconds that a client may take for what it was written, at most
   * @param drained - after {@link exceeds} was true: there is room again
   */
  constructor(
    private readonly socket: Socket,
    budget: ByteBudget,
    private readonly longest: number,
    private readonly drained: () => void,
  ) {
    this.#share = new Share(budget)
  }

  /** Bytes that wait to be written. */
  get queued(): number {
    return this.socket.writableLength + (this.#greeting?.size ?? 0)
  }

  /** Milliseconds for which what waits has not moved; 0 where nothing waits. */
  get stalledFor(): number {
    return this.#stalledFor
  }

  /** How many bytes were ever written here. */
  get written(): number {
    return this.#written
  }

  /**
   * Milliseconds until even a slow client has read what was written: the kernel's buffers, here
   * and there, hide megabytes from whoever only looks at what waits.
   */
  get unread(): number {
    return Math.min((this.#written - this.#read) / slowestReader, this.longest)
  }

  /** The client has shown that it has read the first so many bytes. */
  wasRead(bytes: number): void {
    this.#read = Math.max(this.#read, bytes)
  }

  /** Whether more than so much waits, with the overhead of all pieces but the first. */
  exceeds(limit: number): boolean {
    if (this.#greeting) return this.#greeting.size > 0
    if (!this.#full) {
      const { writableLength } = this.socket
      this.#full = writableLength > 0 && writableLength + (this.#pieces - 1) * pieceOverhead > limit
    }
    return this.#full
  }

  /** Keeps what is written until the client listens, or for a second. */
  greet(): void {
    this.#greeting = new Greeting(() => this.listens())
  }

  /** The client listens: what was kept for that goes out. */
  listens(): void {
    const kept = this.#greeting?.take()
    this.#greeting = undefined
    if (!kept?.length) return
    if (this.socket.writable) this.#send(kept)
    this.#count()
    this.drained()
  }

  write(bytes: Buffer): void {
    this.#written += bytes.length
    if (this.#greeting) this.#greeting.keep(bytes)
    else this.#send(this.socket.writableLength > 0 ? unpinned(bytes) : bytes)
    this.#count()
  }

  /** What is written from now to the end of this turn goes out in one piece. */
  cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.socket.cork()
    process.nextTick(() => {
      this.#corked = false
      this.socket.uncork()
      this.#count()
    })
  }

  /** @param elapsed - milliseconds since the last beat */
  beat(elapsed: number): void {
    const { queued } = this
    const flushed = this.#written - queued
    const moves = queued === 0 || flushed > this.#flushed
    this.#stalledFor = moves ? 0 : this.#stalledFor + elapsed
    this.#flushed = flushed
    this.wasRead(Math.min(flushed, this.#read + slowestReader * elapsed))
    this.#count()
  }

  /** The socket is gone. */
  release(): void {
    this.#greeting?.take()
    this.#greeting = undefined
    this.#share.set(0)
  }

  #count(): void {
    this.#share.set(this.socket.destroyed ? 0 : this.#cost)
  }

  /** What waits, with its overhead. */
  get #cost(): number {
    const { writableLength } = this.socket
    // what the kernel takes at once is told of at the end of this turn, and costs nothing
    const waiting = writableLength > 0 ? writableLength + this.#pieces * pieceOverhead : 0
    return waiting + (this.#greeting?.cost ?? 0)
  }

  #send(bytes: Buffer): void {
    this.#pieces++
    this.socket.write(bytes, this.#sent)
  }

  readonly #sent = (): void => {
    this.#pieces--
    if (this.socket.writableLength > 0) return
    this.#count()
    if (!this.#full || this.socket.destroyed) return
    this.#full = false
    this.drained()
  }
}

/** A copy, if a view would pin more than one and a half times as much as it shows. */
const unpinned = (bytes: Buffer) => {
  if (1.5 * bytes.length >= bytes.buffer.byteLength) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
