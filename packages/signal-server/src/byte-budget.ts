/**
 * Counts the bytes that the whole server buffers for its clients (held, piped and queued), and
 * tells when they cross the limit, in either direction.
 */
export class ByteBudget {
  #used = 0
  #over = false
  readonly #watchers = new Set<(over: boolean) => void>()

  /** @param max - bytes that may be buffered */
  constructor(readonly max: number) {}

  get used(): number {
    return this.#used
  }

  /** Whether more is buffered than allowed. */
  get over(): boolean {
    return this.#over
  }

  /** Counts bytes in, or out with a negative number. */
  add(bytes: number): void {
    this.#used += bytes
    const over = this.#used > this.max
    if (over === this.#over) return
    this.#over = over
    for (const watcher of this.#watchers) watcher(over)
  }

  /** Calls back whenever the limit is crossed. */
  watch(watcher: (over: boolean) => void): void {
    this.#watchers.add(watcher)
  }
}
