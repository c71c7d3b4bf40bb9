/** Two requests that name each other, on one key of one app. */
export interface PairKey {
  readonly app: string
  readonly localId: string
  readonly remoteId: string
  readonly key: string
}

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
 * Who waits for whom and who is paired, free of sockets. A place is the tuple (app, local id,
 * remote id, key); it is empty, waits, or is paired with its reciprocal place, never two of these.
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
  readonly #waiting = new Map<string, W>()
  readonly #pairs = new Map<string, P>()

  get waiting(): number {
    return this.#waiting.size
  }

  get pairs(): number {
    return this.#pairs.size / 2
  }

  /** The one that waits in a place. */
  waiter(place: PairKey): W | undefined {
    return this.#waiting.get(name(place))
  }

  /** Whether a place waits or is paired. */
  occupied(place: PairKey): boolean {
    const own = name(place)
    return this.#waiting.has(own) || this.#pairs.has(own)
  }

  /** Makes room in a place for a request, and takes its partner out of waiting. */
  request(place: PairKey): Outcomes<W, P> {
    const own = name(place)
    const other = name(reciprocal(place))
    const outcomes: Outcomes<W, P> = {}
    const ended = this.#pairs.get(own)
    const partner = this.#waiting.get(other)
    const superseded = this.#waiting.get(own)
    if (ended !== undefined) {
      outcomes.ended = ended
      this.#pairs.delete(own)
      this.#pairs.delete(other)
    } else if (partner !== undefined) {
      outcomes.partner = partner
      this.#waiting.delete(other)
    }
    // beside one of the others only where a partner was promised to another instance
    if (superseded !== undefined) {
      outcomes.superseded = superseded
      this.#waiting.delete(own)
    }
    return outcomes
  }

  /** The request waits in its place. */
  waits(place: PairKey, waiter: W): void {
    this.#waiting.set(name(place), waiter)
  }

  /** The request and its partner are a pair. */
  paired(place: PairKey, pair: P): void {
    this.#pairs.set(name(place), pair)
    this.#pairs.set(name(reciprocal(place)), pair)
  }

  /** Takes exactly this one out of waiting. */
  removeWaiter(place: PairKey, waiter: W): boolean {
    const own = name(place)
    return this.#waiting.get(own) === waiter && this.#waiting.delete(own)
  }

  /** Takes exactly this pair out. */
  removePair(place: PairKey, pair: P): boolean {
    const own = name(place)
    if (this.#pairs.get(own) !== pair) return false
    this.#pairs.delete(own)
    return this.#pairs.delete(name(reciprocal(place)))
  }

  allWaiting(): Iterable<W> {
    return this.#waiting.values()
  }

  /** Every pair, once. */
  allPairs(): Set<P> {
    return new Set(this.#pairs.values())
  }
}

/** The place of whom a place waits for. */
export const reciprocal = ({ app, localId, remoteId, key }: PairKey): PairKey => ({
  app,
  localId: remoteId,
  remoteId: localId,
  key,
})

// a tuple's name must not depend on a separator, which an id could contain
const name = ({ app, localId, remoteId, key }: PairKey) =>
  JSON.stringify([app, localId, remoteId, key])
