/** How long a test waits for something that the server owes, in milliseconds. */
const DEADLINE = 10_000

/** What has arrived, in order; a test takes one after the other and waits where there is none yet. */
export class Arrivals<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  /** How many wait to be taken. */
  get length(): number {
    return this.#items.length
  }

  push(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(item)
    else this.#items.push(item)
  }

  /** The next one; rejects where it does not come in time. */
  next(what = 'something', milliseconds = DEADLINE): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!)
    return within(new Promise<T>((resolve) => this.#waiting.push(resolve)), what, milliseconds)
  }

  /** Takes all that there are. */
  take(): T[] {
    return this.#items.splice(0)
  }
}

/** The promise, or a rejection that says what did not come. */
export function within<T>(promise: Promise<T>, what: string, milliseconds = DEADLINE): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`${what}: not within ${milliseconds} ms`)
    timer = setTimeout(() => reject(error), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Resolves when the condition holds; for a state that no event tells of. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  milliseconds = DEADLINE,
): Promise<void> {
  const end = performance.now() + milliseconds
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${milliseconds} ms`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
