import { Pace } from 'signal-server'
import { weight, type Rate } from '../json/rate.js'

// what a client may have sent ahead while it is slowed
const maxWaiting = 1_000
const maxWaitingBytes = 1024 * 1024

/**
 * The messages of one client, carried out one after the other and no faster than its rate allows.
 * Unlike a WebSocket, long polling cannot be left unread; so what waits has a bound instead.
 */
export class Inbox<Message> {
  readonly #pace: Pace
  readonly #waiting: { message: Message; bytes: number }[] = []
  #waitingBytes = 0
  #busy = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param carryOut - must not reject */
  constructor(
    { messagesPerSecond, messagesBurst }: Required<Rate>,
    private readonly carryOut: (message: Message) => Promise<void>,
  ) {
    this.#pace = new Pace(messagesPerSecond, messagesBurst)
  }

  /** @returns false where too much waits already */
  push(message: Message, bytes: number): boolean {
    if (this.#closed) return true
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes) {
      return false
    }
    this.#waiting.push({ message, bytes })
    this.#waitingBytes += bytes
    void this.#run()
    return true
  }

  close(): void {
    this.#closed = true
    this.#waiting.length = 0
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    for (let next; (next = this.#waiting.shift());) {
      this.#waitingBytes -= next.bytes
      const wait = this.#pace.spend(weight(next.bytes))
      if (wait > 0) await new Promise((resolve) => (this.#timer = setTimeout(resolve, wait)))
      if (this.#closed) return
      await this.carryOut(next.message)
    }
    this.#busy = false
  }
}
