/**
 * What a piece of data that waits costs beside its bytes: its Buffer with the memory behind it, its
 * place in a queue, its write request. Measured on Node 20 as resident memory of pieces of some
 * bytes that wait in a socket: 240 bytes each from Buffer's pool, 460 outside of it, 620 per message
 * of ws, 930 as read from another socket.
 */
export const pieceOverhead = 640

/**
 * Counts the bytes that the whole server buffers for its clients (held, piped and queued), and
 * tells when they cross the limit, in either direction.
 */
export class ByteBudget {
  #used = 0
  #over = false
  readonly #low: number
  readonly #watchers = new Set<(over: boolean) => void>()

  /**
   * @param max - bytes that may be buffered
   * @param whole - the budget that this one is a part of: what is counted here counts there too
   */
  constructor(
    readonly max: number,
    private readonly whole?: ByteBudget,
  ) {
    // a step down, so that a byte more or less does not pause and resume thousands of clients
    this.#low = max - max / 16
    whole?.watch(() => this.#tell())
  }

  get used(): number {
    return this.#used
  }

  /** Whether more is buffered than allowed, and has not been reduced since. */
  get over(): boolean {
    return this.#over
  }

  /** Counts bytes in, or out with a negative number. */
  add(bytes: number): void {
    this.#used += bytes
    this.whole?.add(bytes)
    this.#tell()
  }

  /** Calls back whenever the limit is crossed. */
  watch(watcher: (over: boolean) => void): void {
    this.#watchers.add(watcher)
  }

  #tell(): void {
    const limit = this.#over ? this.#low : this.max
    const over = this.#used > limit || (this.whole?.over ?? false)
    if (over === this.#over) return
    this.#over = over
    for (const watcher of this.#watchers) watcher(over)
  }
}

/** What one holder of bytes has of a budget. */
export class Share {
  #bytes = 0

  constructor(private readonly budget: ByteBudget) {}

  /** Says how many bytes the holder has now. */
  set(bytes: number): void {
    if (bytes === this.#bytes) return
    const more = bytes - this.#bytes
    // first, for the budget may call back
    this.#bytes = bytes
    this.budget.add(more)
  }
}
