/**
 * Slows a client that sends too fast by not reading it for a while, and tells when it has been
 * slowed for so long without pause that it must be meant.
 */
export class Slowdown {
  #timer: NodeJS.Timeout | undefined
  /** When the pause that runs, or the last one, ends. */
  #until = 0
  /** Milliseconds of pauses that followed each other. */
  #slowed = 0
  #endedAt = 0

  /**
   * @param limit - milliseconds of being slowed without pause
   * @param resume - reads the client again
   */
  constructor(
    readonly limit: number,
    readonly resume: () => void,
  ) {}

  /** Whether the client is not read at the moment. */
  get active(): boolean {
    return this.#timer !== undefined
  }

  /**
   * Starts a pause, or makes the one that runs longer; the caller stops reading.
   *
   * @param wait - milliseconds; looked at again after the limit where it is longer
   * @returns false where the client has been slowed for longer than the limit
   */
  start(wait: number): boolean {
    const now = performance.now()
    if (!this.active) {
      // a client that paused by itself for a second has started anew
      if (now - this.#endedAt > 1_000) this.#slowed = 0
      if (this.#slowed >= this.limit) return false
      this.#until = now
    }
    const until = now + Math.min(wait, this.limit)
    if (until <= this.#until) return true
    // what was asked of it, for that a pause ended late is not its fault
    this.#slowed += until - this.#until
    this.#until = until
    if (!this.active) this.#wait(now)
    return true
  }

  /** A pause that is made longer keeps its timer, for thousands of messages may make it longer. */
  #wait(now: number): void {
    // a timer may be early by a part of a millisecond
    this.#timer = setTimeout(() => this.#timedOut(), this.#until - now + 1)
  }

  #timedOut(): void {
    const now = performance.now()
    if (now < this.#until) return this.#wait(now)
    this.#timer = undefined
    this.#endedAt = now
    this.resume()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
