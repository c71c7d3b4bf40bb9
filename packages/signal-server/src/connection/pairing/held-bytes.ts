import { Share, type ByteBudget } from '../../limits/byte-budget.js'
import { Amounts } from '../../limits/amounts.js'
import { addressShare } from '../../limits/address-share.js'
import type { Holding } from '../../limits/holders.js'
import type { Settings } from '../../options.js'

/** A client that waits. */
export interface Waiter {
  /** What the limits per address count it as; undefined where that is not known. */
  readonly address: string | undefined
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
// in this time a client fills what is held for it, so that the next look counts that
const resumeInterval = 1_000

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
  readonly #atOnce: number
  #relieving = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly budget: ByteBudget,
    settings: Settings,
  ) {
    const max = budget.max / 2
    this.#amounts = new Amounts(max, max * addressShare(settings))
    this.#atOnce = Math.ceil((max * room) / settings.maxHeldBytes)
  }

  /** Bytes that are held for all that wait. */
  get sum(): number {
    return this.#amounts.sum
  }

  /** The most that may be held for all that wait. */
  get max(): number {
    return this.#amounts.max
  }

  /** Counts nothing for it until it holds something: most of those that wait hold nothing. */
  enter(waiter: Waiter): HeldShare {
    this.#waiting.add(waiter)
    return new HeldShare(waiter, this)
  }

  /** Where a waiter that begins to hold something is counted. */
  begin(waiter: Waiter): { share: Share; holding: Holding } {
    const holding = this.#amounts.enter(waiter.address, () => waiter.shed())
    return { share: new Share(this.budget), holding }
  }

  /** A waiter holds more, or less, than before. */
  changed(): void {
    if (this.#relieving || !this.#amounts.over) return
    this.#relieving = true
    // the client whose bytes these are may be shed itself, and must have taken them first
    process.nextTick(() => this.#relieve())
  }

  leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
    this.#paused.delete(waiter)
    this.#stopWhenDone()
  }

  #relieve(): void {
    this.#relieving = false
    if (!this.#amounts.over) return
    const { sum, max, fullest } = this.#amounts
    for (const waiter of this.#waiting) {
      if (this.#paused.has(waiter)) continue
      // an address that has too much does not keep the others from being read
      if (sum <= max && waiter.address !== fullest?.address) continue
      this.#paused.add(waiter)
      waiter.pause()
    }
    this.#amounts.relieve(enough)
    this.#timer ??= setInterval(() => this.#resume(), resumeInterval)
    this.#stopWhenDone()
  }

  /** Reads some of those again that were paused: as many as can fill no more than what is free. */
  #resume(): void {
    const free = [...this.#paused].filter(({ address }) => this.#amounts.fits(address, room))
    for (const waiter of free.slice(0, this.#atOnce)) {
      this.#paused.delete(waiter)
      waiter.resume()
    }
    this.#stopWhenDone()
  }

  #stopWhenDone(): void {
    if (this.#paused.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** What is held for one client. */
export class HeldShare {
  #counted: { share: Share; holding: Holding } | undefined

  constructor(
    private readonly waiter: Waiter,
    private readonly all: HeldBytes,
  ) {}

  /**
   * Says how many bytes are held for it now.
   * @param ahead - bytes that have been read as well, and that the budget has from elsewhere
   */
  set(bytes: number, ahead = 0): void {
    const amount = bytes + ahead
    if (amount === 0 && !this.#counted) return
    const { share, holding } = (this.#counted ??= this.all.begin(this.waiter))
    share.set(bytes)
    // of one that was shed it is 0 already
    if (amount === holding.amount) return
    holding.amount = amount
    this.all.changed()
  }

  /** It waits no longer, and nothing is held for it. */
  release(): void {
    this.all.leave(this.waiter)
    this.set(0)
  }
}
