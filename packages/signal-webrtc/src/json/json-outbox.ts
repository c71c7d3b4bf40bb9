import type { Socket } from 'node:net'
import { pieceOverhead, Share, type EndpointContext } from 'signal-server'
import type { WebSocket } from 'ws'

// while the server's memory is short: as much may wait, and for so long without progress
const shortBytes = 64 * 1024
const shortStallTime = 5_000
// of small messages most of the cost is not theirs
const mostOverhead = 4

/**
 * What waits to be sent to one client. It counts against the budget with what it really costs, and as
 * long as its socket is there.
 */
export class JsonOutbox {
  readonly #share: Share
  #pieces = 0
  #sentBefore = 0
  /** Milliseconds in which nothing was read of what has waited for long. */
  #stalled = 0

  /** @param relieved - it was congested, and is so no longer */
  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    private readonly context: EndpointContext,
    private readonly relieved: () => void,
  ) {
    this.#share = new Share(context.budget)
    socket.on('drain', relieved)
    socket.once('close', () => this.#share.set(0))
  }

  /** Whether so much waits that what its client asks for, and what others send it, has to wait. */
  get congested(): boolean {
    const { budget, settings } = this.context
    return this.#cost > (budget.over ? shortBytes : settings.maxQueuedBytes / 4)
  }

  /** Whether more waits than may. */
  get full(): boolean {
    const { maxQueuedBytes } = this.context.settings
    return this.ws.bufferedAmount > maxQueuedBytes || this.#cost > mostOverhead * maxQueuedBytes
  }

  /** Bytes that the network has taken since the start. */
  get sent(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  send(message: string | Buffer): void {
    this.#pieces++
    this.ws.send(message, { binary: false }, this.#written)
    this.#count()
  }

  /**
   * Looks whether anything was read since the last time.
   * @returns whether it is to be waited for
   */
  beat(elapsed: number): boolean {
    const { sent } = this
    this.#stalled = this.congested && sent === this.#sentBefore ? this.#stalled + elapsed : 0
    this.#sentBefore = sent
    this.#count()
    const { budget, settings } = this.context
    const { stallTime } = settings
    return this.#stalled < (budget.over ? Math.min(shortStallTime, stallTime) : stallTime)
  }

  get #cost(): number {
    const bytes = this.ws.bufferedAmount
    return bytes > 0 ? bytes + this.#pieces * pieceOverhead : 0
  }

  #count(): void {
    this.#share.set(this.socket.destroyed ? 0 : this.#cost)
  }

  readonly #written = (): void => {
    const { congested } = this
    this.#pieces--
    if (congested && !this.congested) this.relieved()
  }
}
