import type { ByteBudget } from '../../limits/byte-budget.js'
import { KernelQueues } from './kernel-queues.js'
import type { PipeEnd } from './pipe-end.js'
import type { Pipe } from './pipe.js'

// a slow reader shows some progress within 8 s, at 20 KB/s
const restBeforeShed = 12_000
const interval = 1_000

/** What the kernel had for an end, and since when. */
interface Seen {
  queue: string | undefined
  since: number
}

/**
 * While more is buffered than allowed, ends the pairs that have rested longest, until there is
 * room again. A pair that moves is left alone.
 */
export class Shedding {
  readonly #timer: NodeJS.Timeout
  /** Ends for which something waits; only while memory is short. */
  #seen = new Map<PipeEnd, Seen>()
  #looking = false

  /** @param pipes - every pipe, once */
  constructor(
    private readonly budget: ByteBudget,
    private readonly pipes: () => Iterable<Pipe>,
  ) {
    this.#timer = setInterval(() => void this.#look(), interval)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (!this.budget.over) {
      this.#seen.clear()
    } else if (!this.#looking) {
      this.#looking = true
      const queues = await KernelQueues.look()
      this.#looking = false
      this.#shed(queues)
    }
  }

  #shed(queues: KernelQueues | undefined): void {
    const now = performance.now()
    const before = this.#seen
    this.#seen = new Map()
    const resting = [...this.pipes()].filter(({ ends }) => {
      const rests = ends.map((end) => this.#rest(end, queues, before, now))
      return Math.max(...rests) >= restBeforeShed
    })
    resting.sort((a, b) => b.stalledFor - a.stalledFor)
    for (const pipe of resting) {
      if (!this.budget.over) return
      pipe.shed()
    }
  }

  /** Milliseconds for which nothing has moved of what waits for an end, here or in the kernel. */
  #rest(
    end: PipeEnd,
    queues: KernelQueues | undefined,
    before: ReadonlyMap<PipeEnd, Seen>,
    now: number,
  ): number {
    if (end.stalledFor === 0 || !queues) return end.stalledFor
    const queue = queues.of(end)
    const last = before.get(end)
    const since = last && last.queue === queue ? last.since : now
    this.#seen.set(end, { queue, since })
    return Math.min(end.stalledFor, now - since)
  }
}
