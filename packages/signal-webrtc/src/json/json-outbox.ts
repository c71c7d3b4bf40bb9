import type { Socket } from 'node:net'
import { pieceOverhead, Share, type EndpointContext } from 'signal-server'
import type { WebSocket } from 'ws'
import { ReaderLimits } from '../reader-limits.js'

/**
 * What waits to be sent to one client. It counts against the budget with what it really costs, and as
 * long as its socket is there.
 */
export class JsonOutbox {
  readonly #share: Share
  readonly #limits: ReaderLimits
  #pieces = 0

  /** @param relieved - it was congested, and is so no longer */
  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    context: EndpointContext,
    private readonly relieved: () => void,
  ) {
    this.#share = new Share(context.budget)
    this.#limits = new ReaderLimits(context)
    socket.on('drain', relieved)
    socket.once('close', () => this.#share.set(0))
  }

  /** Whether so much waits that what its client asks for, and what others send it, has to wait. */
  get congested(): boolean {
    return this.#limits.congested(this.#cost)
  }

  /** Whether more waits than may. */
  get full(): boolean {
    return this.#limits.full(this.ws.bufferedAmount, this.#cost)
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
    this.#count()
    return this.#limits.beat(elapsed, this.congested, this.sent)
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
