import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { pieceOverhead, Share } from '../../limits/byte-budget.js'
import type { EndpointContext } from '../../endpoint.js'

// what is sent in one turn of the event loop goes out in one write, up to this
const corkedBytes = 64 * 1024
// while the server's memory is short, who reads nothing for so long is not waited for
const shortStallTimeout = 5_000

/** What waits to be sent on one introduction socket: bounded, and counted against the budget. */
export class Outbox {
  readonly #share: Share
  #corked = false
  /** Messages that are not written yet. */
  #pieces = 0
  #sentSinceBeat = 0
  #queuedAtBeat = 0
  #progressAt = performance.now()
  readonly #drained: (() => void)[] = []

  /** @param overflow - the client reads too slowly to be waited for */
  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    private readonly context: EndpointContext,
    private readonly overflow: () => void,
  ) {
    this.#share = new Share(context.budget)
    // what is queued stays in memory as long as the socket does
    socket.once('close', () => {
      this.#share.set(0)
      this.#settle()
    })
  }

  send(data: Buffer, binary: boolean): void {
    if (!this.#corked) {
      this.#corked = true
      this.socket.cork()
      process.nextTick(() => this.#flush())
    }
    this.#pieces++
    this.ws.send(data, { binary }, this.#written)
    this.#sentSinceBeat += data.length
    if (this.ws.bufferedAmount > corkedBytes) this.#flush()
    if (this.ws.bufferedAmount > this.#most) this.overflow()
  }

  /** Whether so much is queued that long work for this socket had better wait. */
  get congested(): boolean {
    return this.ws.bufferedAmount > this.#most / 2
  }

  /** Resolves when the queue has been written, or the socket is gone. */
  drained(): Promise<void> {
    if (this.#pieces === 0 || this.socket.destroyed) return Promise.resolve()
    // not the stream's event: while memory is short less than its high-water mark is too much
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  beat(): void {
    const queued = this.ws.bufferedAmount
    const now = performance.now()
    if (queued === 0 || queued < this.#queuedAtBeat + this.#sentSinceBeat) this.#progressAt = now
    this.#queuedAtBeat = queued
    this.#sentSinceBeat = 0
    this.#count()
    const { budget, settings } = this.context
    const patience = budget.over
      ? Math.min(shortStallTimeout, settings.stallTimeout)
      : settings.stallTimeout
    if (now - this.#progressAt >= patience) this.overflow()
  }

  #flush(): void {
    if (!this.#corked) return
    this.#corked = false
    this.socket.uncork()
    this.#count()
  }

  #count(): void {
    const bytes = this.socket.destroyed ? 0 : this.ws.bufferedAmount
    this.#share.set(bytes > 0 ? bytes + this.#pieces * pieceOverhead : 0)
  }

  /** Bytes that may wait: one that reads more slowly is closed. */
  get #most(): number {
    const { budget, settings } = this.context
    return budget.over ? corkedBytes : settings.maxQueuedBytes
  }

  #settle(): void {
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  readonly #written = (): void => {
    if (--this.#pieces === 0) this.#settle()
  }
}
