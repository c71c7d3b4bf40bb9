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
  #lastError: string | undefined

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
      connection.on('error', (error: Error) => {
        this.#lastError = reasonOf(error)
        handlers.error(error)
      })
      connection.on('close', handlers.closed)
      connection.on('ready', handlers.ready)
    }
    subscriber.on('messageBuffer', handlers.message)
  }

  /** Why the last attempt to connect has failed, in a sentence. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  get ready(): boolean {
    return this.#connections.every(({ status }) => status === 'ready')
  }

  /** Whether nobody is there to connect to. */
  get refused(): boolean {
    return this.#connections.some(({ status }) => status === 'reconnecting' || status === 'end')
  }

  /** Resolves when the engine answers on both connections; rejects if it does not soon. */
  async answers(): Promise<void> {
    if (!this.ready) throw new Error(this.#lastError ?? 'Redis cannot be reached.')
    await inTime(Promise.all(this.#connections.map((connection) => connection.ping())))
  }

  /** Whether what is published here reaches only those who are connected to this engine. */
  async isReplica(): Promise<boolean> {
    // without the right to ask, the engine counts as no replica
    const info = await inTime(this.publisher.info('replication').catch(() => ''))
    return /^role:slave/m.test(info)
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

/** The result of something, or a rejection if it does not come before long. */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const sentence = `Redis does not answer within ${answerTime / 1_000} s.`
    timer = setTimeout(() => reject(new Error(sentence)), answerTime)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Why something failed, in a sentence without addresses and names of users. */
export function reasonOf(error: unknown): string {
  const { message, code, command } = error as NodeJS.ErrnoException & { command?: { name: string } }
  if (code !== undefined) return `Redis cannot be reached (${code}).`
  const [, reply] = /^([A-Z]{3,})\b/.exec(message) ?? []
  if (reply === undefined) return message
  const what = command ? `refuses ${command.name.toUpperCase()}` : 'refuses this user'
  return `Redis ${what} (${reply}).`
}
