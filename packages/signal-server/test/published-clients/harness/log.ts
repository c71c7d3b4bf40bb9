/** How long a test waits for something that the server owes, in milliseconds. */
const DEADLINE = 15_000

/** A list that only grows, and that a test can wait on. */
export class Log<T> {
  readonly items: T[] = []
  readonly #watchers = new Set<() => void>()

  push(item: T): void {
    this.items.push(item)
    this.#notify()
  }

  /** Looks again: for items that have a state of their own, when that state has changed. */
  touch(): void {
    this.#notify()
  }

  /** Resolves with the first truthy answer of `find`, asked again at each change. */
  until<Found>(
    find: (items: readonly T[]) => Found,
    what: string,
    milliseconds = DEADLINE,
  ): Promise<NonNullable<Found>> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find(this.items)
        if (!found) return
        stop()
        resolve(found)
      }
      const timer = setTimeout(() => {
        stop()
        reject(new Error(`${what}: not within ${milliseconds} ms (${this.items.length} seen)`))
      }, milliseconds)
      const stop = () => {
        clearTimeout(timer)
        this.#watchers.delete(look)
      }
      this.#watchers.add(look)
      look()
    })
  }

  /** Watches for the whole window; rejects as soon as there are more than `most` items. */
  staysWithin(most: number, what: string, milliseconds = 5_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.items.length <= most) return
        stop()
        reject(
          new Error(`${what}: ${this.items.length} within ${milliseconds} ms, at most ${most}`),
        )
      }
      const timer = setTimeout(() => {
        stop()
        resolve()
      }, milliseconds)
      const stop = () => {
        clearTimeout(timer)
        this.#watchers.delete(look)
      }
      this.#watchers.add(look)
      look()
    })
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look()
  }
}
