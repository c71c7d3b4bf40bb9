import type { Place } from './place.js'

/** What a request led to. */
export interface Outcomes<W, P> {
  /** The one that waited for it: make them a pair, and say so with {@link Pairings.paired}. */
  partner?: W
  /** One that waited in the same place before; it has been taken out. */
  superseded?: W
  /** The pair in which its predecessor was; it has been taken out. */
  ended?: P
}

/**
 * Who waits for whom and who is paired, free of sockets. A place is empty, waits, or is paired with
 * its reciprocal place, never two of these.
 *
 * | place | request here | request at the reciprocal place |
 * |---|---|---|
 * | empty | waits | waits there |
 * | waits | newest waits, older superseded | paired |
 * | paired | pair ended, newest waits | pair ended, newest waits there |
 *
 * @typeParam W - one that waits
 * @typeParam P - a pair
 */
export class Pairings<W, P> {
  /** Those that wait, by the side of their place. */
  readonly #waiting = [new Map<string, W>(), new Map<string, W>()] as const
  readonly #pairs = new Map<string, P>()

  get waiting(): number {
    return this.#waiting[0].size + this.#waiting[1].size
  }

  get pairs(): number {
    return this.#pairs.size
  }

  /** The one that waits in a place. */
  waiter({ pair, side }: Place): W | undefined {
    return this.#waiting[side].get(pair)
  }

  /** Whether a place waits or is paired. */
  occupied({ pair, side }: Place): boolean {
    return this.#waiting[side].has(pair) || this.#pairs.has(pair)
  }

  /** Makes room in a place for a request, and takes its partner out of waiting. */
  request({ pair, side }: Place): Outcomes<W, P> {
    const here = this.#waiting[side]
    const there = this.#waiting[side === 0 ? 1 : 0]
    const outcomes: Outcomes<W, P> = {}
    const ended = this.#pairs.get(pair)
    const partner = there.get(pair)
    const superseded = here.get(pair)
    if (ended !== undefined) {
      outcomes.ended = ended
      this.#pairs.delete(pair)
    } else if (partner !== undefined) {
      outcomes.partner = partner
      there.delete(pair)
    }
    // beside one of the others only where a partner was promised to another instance
    if (superseded !== undefined) {
      outcomes.superseded = superseded
      here.delete(pair)
    }
    return outcomes
  }

  /** The request waits in its place. */
  waits({ pair, side }: Place, waiter: W): void {
    this.#waiting[side].set(pair, waiter)
  }

  /** The request and its partner are a pair. */
  paired({ pair }: Place, both: P): void {
    this.#pairs.set(pair, both)
  }

  /** Takes exactly this one out of waiting. */
  removeWaiter({ pair, side }: Place, waiter: W): boolean {
    const here = this.#waiting[side]
    return here.get(pair) === waiter && here.delete(pair)
  }

  /** Takes exactly this pair out. */
  removePair({ pair }: Place, both: P): boolean {
    return this.#pairs.get(pair) === both && this.#pairs.delete(pair)
  }

  allWaiting(): W[] {
    return this.#waiting.flatMap((side) => [...side.values()])
  }

  /** Every pair, once. */
  allPairs(): Iterable<P> {
    return this.#pairs.values()
  }
}
