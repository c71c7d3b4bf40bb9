import { pieceOverhead, type ByteBudget } from '../../limits/byte-budget.js'
import { Fifo } from '../../fifo.js'

/**
 * Bytes that all pipes to other instances may have under way together. An engine keeps what a slow
 * instance has not taken yet, and throws an instance out that is too far behind.
 */
const totalBytes = 8 * 1024 * 1024
/** The most that one pipe may have of that. */
const mostBytes = 256 * 1024
/** What each has in any case, as while the server is short of memory: one chunk. */
const leastBytes = 64 * 1024

/** Pieces of fewer bytes count with their overhead. */
const smallPiece = 4 * 1024
const costOf = (bytes: number) => (bytes < smallPiece ? bytes + pieceOverhead : bytes)

/** What pipes to other instances may have under way, shared by those that have something. */
export class Windows {
  readonly #busy = new Set<Credit>()

  constructor(readonly budget: ByteBudget) {}

  /** Bytes that one pipe may have under way. */
  get size(): number {
    const share = this.budget.over ? 0 : totalBytes / Math.max(1, this.#busy.size)
    return Math.min(mostBytes, Math.max(leastBytes, share))
  }

  /** Whether a pipe has something under way. */
  mark(credit: Credit, busy: boolean): void {
    if (busy) this.#busy.add(credit)
    else this.#busy.delete(credit)
  }
}

/** Bytes of a pipe that are under way to the other instance and not written to its client yet. */
export class Credit {
  /** In all, and how many of them were acknowledged. */
  #sent = 0
  #acked = 0
  /** Of each piece under way: how many bytes had been sent with it, and what it costs. */
  readonly #pieces = new Fifo<{ sent: number; cost: number }>()
  #cost = 0
  #askedAt = 0
  #progressAt = 0

  constructor(private readonly windows: Windows) {}

  get queued(): number {
    return this.#sent - this.#acked
  }

  /** Whether the window is full. */
  get spent(): boolean {
    return this.#cost >= this.windows.size
  }

  /** Whether enough of the window is free again to go on after it was full. */
  get low(): boolean {
    return this.#cost <= this.windows.size / 2
  }

  /** Milliseconds for which nothing was acknowledged, though there is something. */
  get stalledFor(): number {
    return this.queued > 0 ? performance.now() - this.#progressAt : 0
  }

  /**
   * Counts bytes that are sent.
   * @returns whether they are to be acknowledged at once, for the window would be full otherwise
   */
  spend(bytes: number): boolean {
    if (this.queued === 0) {
      this.#progressAt = performance.now()
      this.windows.mark(this, true)
    }
    this.#sent += bytes
    this.#pieces.push({ sent: this.#sent, cost: costOf(bytes) })
    this.#count(costOf(bytes))
    const ask = this.spent || this.#sent - this.#askedAt >= this.windows.size / 4
    if (ask) this.#askedAt = this.#sent
    return ask
  }

  /**
   * @param bytes - in all, so that a later acknowledgement stands for one that was lost
   * @returns whether that was news
   */
  acknowledge(bytes: number): boolean {
    const acked = Math.min(bytes, this.#sent) - this.#acked
    if (!(acked > 0)) return false
    this.#acked += acked
    this.#progressAt = performance.now()
    if (this.queued === 0) this.windows.mark(this, false)
    let freed = 0
    for (let first; (first = this.#pieces.first) && first.sent <= this.#acked;) {
      freed += first.cost
      this.#pieces.shift()
    }
    this.#count(-freed)
    return true
  }

  /** Nothing is under way any more. */
  end(): void {
    this.acknowledge(this.#sent)
  }

  #count(more: number): void {
    this.#cost += more
    this.windows.budget.add(more)
  }
}
