/**
 * A token bucket: `perSecond` on average, `burst` at once. It may be overdrawn, so that one large
 * request is served and then paid off.
 */
export class TokenBucket {
  #tokens: number
  #at = performance.now()

  constructor(
    readonly perSecond: number,
    readonly burst: number,
  ) {
    this.#tokens = burst
  }

  /**
   * Spends tokens.
   * @returns milliseconds until the bucket is no longer overdrawn; 0 where it is not
   */
  spend(tokens: number): number {
    if (this.perSecond === Infinity) return 0
    this.#earn()
    this.#tokens -= tokens
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.perSecond) * 1_000
  }

  /**
   * Spends tokens if there are enough of them.
   * @returns whether there were
   */
  take(tokens: number): boolean {
    if (this.perSecond === Infinity) return true
    this.#earn()
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }

  #earn(): void {
    const now = performance.now()
    const earned = ((now - this.#at) / 1_000) * this.perSecond
    this.#at = now
    this.#tokens = Math.min(this.burst, this.#tokens + earned)
  }
}
