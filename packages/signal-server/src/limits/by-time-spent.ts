import { Fifo } from '../fifo.js'

// the most milliseconds of a slice for one item: with more, many would wait for a few
const longestTime = 1

/** Something that gets time again and again. */
export interface Timed {
  /** Milliseconds that it has had. */
  spent: number
}

/**
 * Items that wait for time, in several queues: the first is for items that have had the least time, the
 * next for items that have had more, and so on. An item that has had little time comes first. A part of
 * each slice is left to the other queues.
 */
export class ByTimeSpent<T extends Timed> {
  readonly #queues: readonly Fifo<T>[]

  /**
   * @param limits - in milliseconds, one for each queue but the last: an item that has had as much time
   * waits in the next queue
   */
  constructor(private readonly limits: readonly number[]) {
    this.#queues = [...limits, Infinity].map(() => new Fifo())
  }

  get empty(): boolean {
    return this.#queues.every(({ size }) => size === 0)
  }

  push(item: T): void {
    this.queueFor(item).push(item)
  }

  /** Where it waits after the time that it has had. */
  queueFor({ spent }: T): Fifo<T> {
    const place = this.limits.findIndex((limit) => spent < limit)
    return this.#queues.at(place)!
  }

  /** The most that it gets at once: the first ones get less, for there may be hundreds of them. */
  timeFor(item: T): number {
    const limit = this.#limitOf(item)
    return limit === Infinity ? Infinity : Math.min(limit, longestTime)
  }

  /**
   * Counts time that it has had: not more than the next limit, for the process may have been stopped
   * meanwhile, or have collected memory.
   */
  spend(item: T, time: number): void {
    item.spent = Math.min(item.spent + time, this.#limitOf(item))
  }

  /**
   * The queue whose first one gets time now. Of those that are not empty, half of a slice is for the
   * first one, half of the rest for the second one, and so on; what one does not need is for the next.
   *
   * @param gone - the part of the slice that is over
   */
  next(gone: number): Fifo<T> | undefined {
    let next: Fifo<T> | undefined
    let part = 0
    for (const queue of this.#queues) {
      if (queue.size === 0) continue
      next = queue
      part += (1 - part) / 2
      if (gone < part) break
    }
    return next
  }

  #limitOf({ spent }: T): number {
    return this.limits.find((limit) => spent < limit) ?? Infinity
  }
}
