import type { Socket } from 'node:net'
import { Arrivals, LastPong, type ByteBudget } from 'signal-server'
import type { WebSocket } from 'ws'

/** Whose messages they are. */
export interface JsonInboxOwner {
  /** Whether it is slowed, or has not read its answers: nothing more is looked at then. */
  readonly held: boolean
  /** Carries a message out, then calls `done`. */
  take(message: Uint8Array, done: () => void): void
  /** Is told when it is read again: silence while it was not does not count. */
  resumed(): void
}

/**
 * The messages of one client, one after the other. While one is carried out, or the client is held,
 * its socket is not read.
 */
export class JsonInbox {
  /** What was read together with a message that is worked on; pings, too, are answered in order. */
  readonly #arrivals: Arrivals
  readonly #pong: LastPong
  #busy = false
  #closed = false

  constructor(
    private readonly ws: WebSocket,
    socket: Socket,
    budget: ByteBudget,
    private readonly owner: JsonInboxOwner,
  ) {
    this.#pong = new LastPong(ws)
    this.#arrivals = new Arrivals(ws, socket, budget, () => this.next())
  }

  /** Looks at what has come, unless it must wait still. */
  next(): void {
    while (!this.#closed && !this.#waits) {
      const next = this.#arrivals.take()
      if (!next) break
      if ('ping' in next) this.#pong.answer(next.ping)
      else this.#take(next.data)
    }
    if (this.#closed) return
    if (this.#waits) this.pause()
    else if (this.ws.isPaused) {
      this.owner.resumed()
      this.#arrivals.resume()
    }
  }

  /** Reads nothing more until {@link next} finds that it need not wait. */
  pause(): void {
    this.#arrivals.pause()
  }

  /** Looks at nothing any more; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#arrivals.close()
  }

  get #waits(): boolean {
    return this.#busy || this.owner.held
  }

  #take(message: Uint8Array): void {
    this.#busy = true
    let atOnce = true
    this.owner.take(message, () => {
      this.#busy = false
      if (!atOnce) this.next()
    })
    atOnce = false
  }
}
