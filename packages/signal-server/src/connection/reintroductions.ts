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
  readonly #pairs = new Map<string, { timer: NodeJS.Timeout; pending: (() => void) | undefined }>()
  readonly #waits = new Set<NodeJS.Timeout>()

  /**
   * @param place - of one of the two
   * @param closed - calls back when the old connections have closed
   * @param introduce - called then; finds out itself whether it is still needed
   */
  schedule(place: PairKey, closed: (callback: () => void) => void, introduce: () => void): void {
    let due = false
    const proceed = () => {
      if (due) return
      due = true
      clearTimeout(timer)
      this.#waits.delete(timer)
      this.#atMostOnceInAWhile(pairName(place), introduce)
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

  #atMostOnceInAWhile(pair: string, introduce: () => void): void {
    const entry = this.#pairs.get(pair)
    if (entry) {
      entry.pending = introduce
      return
    }
    const timer = setTimeout(() => this.#expire(pair), interval)
    this.#pairs.set(pair, { timer, pending: undefined })
    introduce()
  }

  #expire(pair: string): void {
    const pending = this.#pairs.get(pair)?.pending
    this.#pairs.delete(pair)
    if (pending) this.#atMostOnceInAWhile(pair, pending)
  }
}

const pairName = ({ app, localId, remoteId, key }: PairKey) =>
  JSON.stringify([app, ...[localId, remoteId].sort(), key])
