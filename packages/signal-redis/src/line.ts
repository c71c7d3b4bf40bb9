import type { Redis, RedisOptions } from 'ioredis'

// how long the engine may take to answer
const answerTime = 2_000

/** Of every connection of the bus, whatever the options that it was made from. */
export const lineOptions: RedisOptions = {
  // nothing is kept for later: what is lost is found by those who need to know
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableAutoPipelining: false,
  lazyConnect: false,
  maxRetriesPerRequest: null,
  connectTimeout: 5_000,
  // topics carry the prefix already
  keyPrefix: '',
  retryStrategy: (attempt) => Math.min(100 * attempt, 1_000) * (0.5 + Math.random()),
}

/** Two connections to one engine: one that publishes, one that does nothing but subscribe. */
export class Line {
  readonly #connections: readonly Redis[]

  /** @param closed, ready - called when that happens to one of the two */
  constructor(
    readonly publisher: Redis,
    readonly subscriber: Redis,
    handlers: {
      message: (topic: Buffer, message: Buffer) => void
      error: (error: Error) => void
      closed: () => void
      ready: () => void
    },
  ) {
    this.#connections = [publisher, subscriber]
    for (const connection of this.#connections) {
      connection.on('error', handlers.error)
      connection.on('close', handlers.closed)
      connection.on('ready', handlers.ready)
    }
    subscriber.on('messageBuffer', handlers.message)
  }

  get ready(): boolean {
    return this.#connections.every(({ status }) => status === 'ready')
  }

  /** Whether nobody is there to connect to. */
  get refused(): boolean {
    return this.#connections.some(({ status }) => status === 'reconnecting' || status === 'end')
  }

  /** Whether the engine answers on both, soon. */
  answers(): Promise<boolean> {
    if (!this.ready) return Promise.resolve(false)
    return inTime(Promise.all(this.#connections.map((connection) => connection.ping())))
  }

  close(): void {
    for (const connection of this.#connections) {
      connection.removeAllListeners()
      // what a connection that ends has to say nobody need hear
      connection.on('error', () => {})
      connection.disconnect()
    }
  }
}

/** Whether something succeeds before long. */
export async function inTime(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), answerTime)
  })
  const done = work.then(
    () => true,
    () => false,
  )
  return Promise.race([done, late]).finally(() => clearTimeout(timer))
}
