import { Share, type ByteBudget } from '../byte-budget.js'
import { Amounts } from '../limits/amounts.js'
import type { Holding } from '../limits/holders.js'

/** A client that waits. */
export interface Waiter {
  /** Reads it no longer: it keeps what it has sent, and nothing is lost. */
  pause(): void
  resume(): void
  /** Ends it, and frees what was held for it. */
  shed(): void
}

// a step down, so that each byte more does not shed another client
const enough = 15 / 16
// so much must be free before those that were paused may fill it again
const room = 1 / 2

/**
 * What is held for clients that wait: half of the budget at most, so that they cannot take it from
 * those that are piped. Above that, or above what one address may have, those that wait are not read
 * any more, and then those for which most is held are shed, the oldest first. A client that comes
 * later and holds nothing is read as usual.
 */
export class HeldBytes {
  readonly #amounts: Amounts
  readonly #waiting = new Set<Waiter>()
  readonly #paused = new Set<Waiter>()
  #relieving = false

  /** @param share - the part of it that one address may have, where it is known */
  constructor(
    private readonly budget: ByteBudget,
    share: number,
  ) {
    const max = budget.max / 2
    this.#amounts = new Amounts(max, max * share)
  }

  enter(address: string | undefined, waiter: Waiter): HeldShare {
    this.#waiting.add(waiter)
    return new HeldShare(
      new Share(this.budget),
      this.#amounts.enter(address, () => waiter.shed()),
      () => this.#changed(),
      () => this.#leave(waiter),
    )
  }

  #changed(): void {
    if (this.#amounts.over && !this.#relieving) {
      this.#relieving = true
      // the client whose bytes these are may be shed itself, and must have taken them first
      process.nextTick(() => this.#relieve())
    } else if (this.#paused.size > 0 && this.#amounts.within(room)) {
      for (const waiter of this.#paused) waiter.resume()
      this.#paused.clear()
    }
  }

  #relieve(): void {
    this.#relieving = false
    if (!this.#amounts.over) return
    for (const waiter of this.#waiting) {
      if (this.#paused.has(waiter)) continue
      this.#paused.add(waiter)
      waiter.pause()
    }
    this.#amounts.relieve(enough)
  }

  #leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
    this.#paused.delete(waiter)
  }
}

/** What is held for one client. */
export class HeldShare {
  constructor(
    private readonly share: Share,
    private readonly holding: Holding,
    private readonly changed: () => void,
    private readonly left: () => void,
  ) {}

  /** Says how many bytes are held for it now. */
  set(bytes: number): void {
    this.share.set(bytes)
    if (bytes === this.holding.amount) return
    this.holding.amount = bytes
    this.changed()
  }

  /** It waits no longer, and nothing is held for it. */
  release(): void {
    this.left()
    this.set(0)
  }
}
