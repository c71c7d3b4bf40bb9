import type { PairKey } from './pairings.js'

// published clients ignore an Introduction while their old pipe to that peer lives
const longestWait = 5_000
const interval = 5_000

/**
 * Introduces two peers anew after their pipe, or the wait for it, has failed: when the old
 * connections have closed, and at most once in 5 s a pair.
 */
export class Reintroductions {
  /** When a pair may be introduced again, or is going to be. */
  readonly #pairs = new Map<string, { timer: NodeJS.Timeout; pending: boolean }>()
  readonly #waits = new Set<NodeJS.Timeout>()

  /** @param introduce - introduces the two, where both still want the key */
  constructor(private readonly introduce: (place: PairKey) => void) {}

  /**
   * @param closed - calls back when the old connections have closed
   * @param stillNeeded - asked at the last moment
   */
  schedule(
    place: PairKey,
    closed: (callback: () => void) => void,
    stillNeeded: () => boolean,
  ): void {
    let due = false
    const proceed = () => {
      if (due) return
      due = true
      clearTimeout(timer)
      this.#waits.delete(timer)
      this.#atMostOnceInAWhile(place, stillNeeded)
    }
    const timer = setTimeout(proceed, longestWait)
    this.#waits.add(timer)
    closed(proceed)
  }

  close(): void {
    for (const timer of this.#waits) clearTimeout(timer)
    for (const { timer } of this.#pairs.values()) clearTimeout(timer)
    this.#waits.clear()
    this.#pairs.clear()
  }

  #atMostOnceInAWhile(place: PairKey, stillNeeded: () => boolean): void {
    const { app, localId, remoteId, key } = place
    const pair = JSON.stringify([app, ...[localId, remoteId].sort(), key])
    const entry = this.#pairs.get(pair)
    if (entry) {
      entry.pending = true
      return
    }
    const again = {
      pending: false,
      timer: setTimeout(() => this.#expire(pair, place, stillNeeded), interval),
    }
    this.#pairs.set(pair, again)
    if (stillNeeded()) this.introduce(place)
  }

  #expire(pair: string, place: PairKey, stillNeeded: () => boolean): void {
    const entry = this.#pairs.get(pair)
    this.#pairs.delete(pair)
    if (entry?.pending) this.#atMostOnceInAWhile(place, stillNeeded)
  }
}
