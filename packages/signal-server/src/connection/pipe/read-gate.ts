import type { Socket } from 'node:net'
import { Share, type ByteBudget } from '../../limits/byte-budget.js'
import { startReading, stopReading } from '../../reading.js'

/** Why a client is not read; it is read when no reason is left. */
export const Pause = { target: 1, rate: 2, budget: 4, full: 8, pings: 16, held: 32 } as const

/** Whether and why a socket is not read. */
export class ReadGate {
  #reasons = 0
  #discarding = false
  /** What the stream has read ahead of a pause. */
  readonly #ahead: Share

  constructor(
    private readonly socket: Socket,
    budget: ByteBudget,
  ) {
    this.#ahead = new Share(budget)
  }

  get paused(): boolean {
    return this.#reasons !== 0
  }

  /** @param reason - one of {@link Pause} */
  pause(reason: number): void {
    if (this.#discarding) return
    this.#reasons |= reason
    this.socket.pause()
    stopReading(this.socket)
  }

  /**
   * Takes reasons back.
   * @returns whether the socket is read again by that
   */
  resume(reasons: number): boolean {
    if ((this.#reasons & reasons) === 0) return false
    this.#reasons &= ~reasons
    if (this.paused) return false
    this.#read()
    return true
  }

  /** Reads on whatever the reasons: nobody wants what still comes. */
  discard(): void {
    this.#discarding = true
    this.#reasons = 0
    this.#read()
  }

  /** Bytes that the stream has read ahead of a pause. */
  get ahead(): number {
    return this.paused ? this.socket.readableLength : 0
  }

  /** Counts so many bytes as read ahead. */
  count(bytes: number): void {
    this.#ahead.set(bytes)
  }

  #read(): void {
    this.#ahead.set(0)
    startReading(this.socket)
    this.socket.resume()
  }
}
