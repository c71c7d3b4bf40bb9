/**
 * Slows a client that sends too fast by not reading it for a while, and tells when it has been
 * slowed for so long without pause that it must be meant.
 */
export class Slowdown {
  #timer: NodeJS.Timeout | undefined
  #since = 0
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
   * Starts a pause; the caller stops reading.
   * @returns false where the client has been slowed for longer than the limit
   */
  start(wait: number): boolean {
    const now = performance.now()
    // a client that paused by itself for a second has started anew
    if (!this.#since || now - this.#endedAt > 1_000) this.#since = now
    if (now - this.#since > this.limit) return false
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#endedAt = performance.now()
      this.resume()
    }, wait)
    this.#endedAt = Infinity
    return true
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
