// an outage that follows an earlier one so soon makes the next return slower
const calmTime = 60_000
// looks once a second; all must work again within 10 s of the engine's return
const mostLooks = 4

/**
 * Decides when a bus that was down counts as up: at the first look that works, or after up to 4 such
 * looks in a row if it goes down again and again. Otherwise a slow engine would make every instance
 * tell everything to all the others every few seconds.
 */
export class Recovery {
  #needed = 1
  #worked = 0
  #failedAt = -Infinity

  /** It went down. */
  failed(now = performance.now()): void {
    const soon = now - this.#failedAt < calmTime
    this.#needed = soon ? Math.min(this.#needed * 2, mostLooks) : 1
    this.#failedAt = now
    this.#worked = 0
  }

  /** A look has not worked. */
  missed(): void {
    this.#worked = 0
  }

  /** A look has worked; returns whether the bus counts as up. */
  worked(): boolean {
    return ++this.#worked >= this.#needed
  }
}
