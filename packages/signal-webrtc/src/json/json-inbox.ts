import { Fifo } from 'signal-server'
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
  readonly #waiting = new Fifo<{ message: Uint8Array } | { ping: Buffer }>()
  /** The newest that waits, if it is a ping: only the last of several is answered. */
  #lastPing: { ping: Buffer } | undefined
  #busy = false
  #closed = false

  constructor(
    private readonly ws: WebSocket,
    private readonly owner: JsonInboxOwner,
  ) {
    ws.on('message', (data) => {
      if (this.#closed) return
      this.#lastPing = undefined
      this.#waiting.push({ message: data as Buffer })
      this.next()
    })
    ws.on('ping', (ping) => {
      if (this.#closed) return
      if (this.#lastPing) this.#lastPing.ping = ping
      else this.#waiting.push((this.#lastPing = { ping }))
      this.next()
    })
  }

  /** Looks at what has come, unless it must wait still. */
  next(): void {
    while (!this.#closed && !this.#waits) {
      const next = this.#waiting.shift()
      if (!next) break
      if ('ping' in next) {
        this.#lastPing = undefined
        this.ws.pong(next.ping)
      } else {
        this.#take(next.message)
      }
    }
    if (this.#closed) return
    if (this.#waits) this.ws.pause()
    else if (this.ws.isPaused) {
      this.owner.resumed()
      this.ws.resume()
    }
  }

  /** Looks at nothing any more; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
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
