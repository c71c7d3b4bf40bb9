import type { Place } from './place.js'

// published clients ignore an Introduction while their old pipe to that peer lives
const longestWait = 5_000
const interval = 5_000

/** A connection that will close. */
export interface Closing {
  whenClosed(callback: () => void): void
}

/**
 * Introduces two peers anew after their pipe, or the wait for it, has failed: when the old
 * connections have closed, and at most once in 5 s a pair.
 */
export class Reintroductions {
  /** Pairs that were introduced lately, and what is to be done when they may be again. */
  readonly #lately = new Map<string, { timer: NodeJS.Timeout; next: (() => boolean) | undefined }>()
  readonly #waits = new Set<NodeJS.Timeout>()

  /**
   * @param pair - names the two
   * @param connections - the old ones
   * @param introduce - called when they have closed, or after 5 s; returns whether there still was
   * anybody to introduce
   */
  schedule({ pair }: Place, connections: readonly Closing[], introduce: () => boolean): void {
    let open = connections.length
    const proceed = () => {
      open = 0
      clearTimeout(timer)
      if (this.#waits.delete(timer)) this.#introduce(pair, introduce)
    }
    const timer = setTimeout(proceed, longestWait)
    this.#waits.add(timer)
    for (const connection of connections) {
      connection.whenClosed(() => {
        if (--open === 0) proceed()
      })
    }
  }

  close(): void {
    for (const timer of this.#waits) clearTimeout(timer)
    for (const { timer } of this.#lately.values()) clearTimeout(timer)
    this.#waits.clear()
    this.#lately.clear()
  }

  #introduce(pair: string, introduce: () => boolean): void {
    const lately = this.#lately.get(pair)
    if (lately) {
      lately.next = introduce
    } else if (introduce()) {
      const timer = setTimeout(() => {
        const next = this.#lately.get(pair)?.next
        this.#lately.delete(pair)
        if (next) this.#introduce(pair, next)
      }, interval)
      this.#lately.set(pair, { timer, next: undefined })
    }
  }
}
