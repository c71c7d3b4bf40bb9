import { Fifo, Pace } from 'signal-server'
import { tokensFor, weight, type Rate } from '../json/rate.js'
import type { Turns } from './turns.js'

// what a client may have sent ahead while it is slowed
const maxWaiting = 1_000
const maxWaitingBytes = 1024 * 1024

const done = Promise.resolve()

/**
 * The messages of one client, carried out one after the other and no faster than its rate allows.
 * Unlike a WebSocket, long polling cannot be left unread; so what waits has a bound instead.
 */
export class Inbox<Message> {
  readonly #pace: Pace
  readonly #waiting = new Fifo<{ message: Message; bytes: number }>()
  #waitingBytes = 0
  #busy = false
  /** Tokens for what its messages have caused, which the next one waits for. */
  #owed = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /**
   * @param turns - that all clients share
   * @param carryOut - must not reject
   */
  constructor(
    { messagesPerSecond, messagesBurst }: Required<Rate>,
    private readonly turns: Turns,
    private readonly carryOut: (message: Message) => Promise<void>,
  ) {
    this.#pace = new Pace(messagesPerSecond, messagesBurst)
  }

  /** @returns false where too much waits already */
  push(message: Message, bytes: number): boolean {
    if (this.#closed) return true
    if (this.#waiting.size >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes) {
      return false
    }
    this.#waiting.push({ message, bytes })
    this.#waitingBytes += bytes
    void this.#run()
    return true
  }

  /** Counts so many bytes that the client has made the server send against its rate. */
  charge(bytes: number): void {
    this.#owed += tokensFor(bytes)
  }

  close(): void {
    this.#closed = true
    this.#waiting.clear()
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    for (let next; (next = this.#waiting.shift());) {
      this.#waitingBytes -= next.bytes
      const wait = this.#pace.spend(weight(next.bytes) + this.#owed)
      this.#owed = 0
      if (wait > 0) await new Promise((resolve) => (this.#timer = setTimeout(resolve, wait)))
      if (this.#closed) return
      await this.turns.run(() => (this.#closed ? done : this.carryOut(next.message)))
    }
    this.#busy = false
  }
}
