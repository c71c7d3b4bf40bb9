import type { Client, ClientEvents } from 'signal-client'

/** How long a test waits for something that is owed to it, in milliseconds. */
const DEADLINE = 10_000

/** The promise, or a rejection that says what did not come. */
export function within<T>(promise: Promise<T>, what: string, milliseconds = DEADLINE): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`${what}: not within ${milliseconds} ms`)
    timer = setTimeout(() => reject(error), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** What has come, in order; a test takes one after the other and waits where there is none yet. */
export class Arrivals<T> {
  /** All that ever came. */
  readonly seen: T[] = []
  readonly #untaken: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  push(item: T): void {
    this.seen.push(item)
    const waiting = this.#waiting.shift()
    if (waiting) waiting(item)
    else this.#untaken.push(item)
  }

  next(what = 'something', milliseconds = DEADLINE): Promise<T> {
    if (this.#untaken.length > 0) return Promise.resolve(this.#untaken.shift()!)
    return within(new Promise<T>((resolve) => this.#waiting.push(resolve)), what, milliseconds)
  }
}

/** Everything that a client tells. */
export type Told = { [Event in keyof ClientEvents]: Arrivals<ClientEvents[Event]> }

/** Listens to all events of a client. */
export function listen(client: Client): Told {
  const names = [
    'connected',
    'disconnected',
    'peer',
    'peer-left',
    'update',
    'signal',
    'error',
  ] as const
  const told = names.map((name) => {
    const arrivals = new Arrivals<unknown[]>()
    client.on(name, (...args: unknown[]) => arrivals.push(args))
    return [name, arrivals] as const
  })
  return Object.fromEntries(told) as unknown as Told
}
