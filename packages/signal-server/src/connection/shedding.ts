import type { ByteBudget } from '../byte-budget.js'
import type { Pipe } from './pipe.js'

// a pair whose bytes have not moved for so long may be shed when memory is short
const restBeforeShed = 5_000
const interval = 1_000

/**
 * While more is buffered than allowed, ends the pairs that have rested longest, until there is
 * room again. A pair that moves is left alone.
 */
export class Shedding {
  readonly #timer: NodeJS.Timeout

  /** @param pipes - every pipe, once */
  constructor(
    private readonly budget: ByteBudget,
    private readonly pipes: () => Iterable<Pipe>,
  ) {
    this.#timer = setInterval(() => this.#shed(), interval)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #shed(): void {
    if (!this.budget.over) return
    const resting = [...this.pipes()]
      .filter(({ stalledFor }) => stalledFor >= restBeforeShed)
      .sort((a, b) => b.stalledFor - a.stalledFor)
    for (const pipe of resting) {
      if (!this.budget.over) return
      pipe.shed()
    }
  }
}
