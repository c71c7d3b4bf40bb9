import { Failure } from './failure.js'

let patience = 5_000

/** Sets how long a check waits for what a server owes, in milliseconds. */
export function setPatience(milliseconds: number): void {
  patience = milliseconds
}

/** What has arrived, in order; a check takes one after the other, and waits where there is none. */
export class Arrivals<T> {
  readonly #items: T[] = []
  #waiting: (() => void) | undefined

  push(item: T): void {
    this.#items.push(item)
    this.#waiting?.()
  }

  /** The next one. @throws Failure where it does not come in time */
  async next(what: string, milliseconds?: number): Promise<T> {
    if (this.#items.length === 0) {
      await within(new Promise<void>((resolve) => (this.#waiting = resolve)), what, milliseconds)
    }
    return this.#items.shift()!
  }

  /** Takes all that there are. */
  take(): T[] {
    return this.#items.splice(0)
  }
}

/** The promise, or a failure that says what did not come. */
export function within<T>(
  promise: Promise<T>,
  what: string,
  milliseconds: number = patience,
): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_resolve, reject) => {
    const failure = new Failure(`${what} did not come within ${milliseconds / 1_000} s`)
    timer = setTimeout(() => reject(failure), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Some time in which something must, or must not, happen. */
export const pass = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
