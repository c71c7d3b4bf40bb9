import debug from 'debug'
import { Redis, type Cluster } from 'ioredis'
import type { Bus } from 'signal-server'
import { TopicTable } from './topic-table.js'

const log = debug('signal:redis')

// how often the engine is asked whether it answers, and how long it may take
const pingInterval = 1_000
const pingTime = 2_000
/** Bytes that the engine may not have taken yet; beyond that it counts as down. */
const maxUntaken = 32 * 1024 * 1024

/**
 * The bus of {@link https://redis.io | Redis} 7 or Valkey: its publish and subscribe, and nothing
 * that it stores. Reconnects by itself; while the engine does not answer, the bus is down.
 */
export class RedisBus implements Bus {
  readonly #publisher: Redis | Cluster
  readonly #subscriber: Redis | Cluster
  readonly #owned: boolean
  readonly #topics: TopicTable
  readonly #listeners = new Set<(up: boolean) => void>()
  readonly #timer: NodeJS.Timeout
  #up = false
  #untaken = 0
  #closed = false

  /**
   * @param redis - a URL (`redis://…`, `rediss://…` for TLS), or a client of ioredis (a Cluster
   * too), which stays its owner's; a second connection is made from it, for subscriptions
   */
  constructor(redis: string | Redis | Cluster) {
    this.#owned = typeof redis === 'string'
    this.#publisher = typeof redis === 'string' ? connect(redis) : redis
    this.#subscriber = duplicate(this.#publisher)
    this.#topics = new TopicTable(this.#subscriber)
    for (const client of [this.#publisher, this.#subscriber]) {
      client.on('error', this.#onError)
      client.on('close', this.#onClose)
      client.on('ready', this.#onReady)
    }
    this.#subscriber.on('messageBuffer', (topic: Buffer, message: Buffer) => {
      this.#topics.deliver(topic.toString(), message)
    })
    this.#timer = setInterval(() => void this.#check(), pingInterval)
    this.#timer.unref()
    void this.#check()
  }

  get up(): boolean {
    return this.#up
  }

  publish(topic: string, message: Uint8Array): void {
    if (!this.#up) return
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    this.#untaken += bytes.length
    if (this.#untaken > maxUntaken) this.#set(false)
    const taken = () => {
      this.#untaken -= bytes.length
    }
    this.#publisher.publish(topic, bytes).then(taken, taken)
  }

  subscribe(topic: string, handler: (message: Buffer) => void): Promise<() => void> {
    return this.#topics.subscribe(topic, handler)
  }

  watch(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Ends the connections that it made. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#set(false)
    for (const client of [this.#publisher, this.#subscriber]) {
      client.off('close', this.#onClose)
      client.off('ready', this.#onReady)
    }
    this.#subscriber.disconnect()
    if (this.#owned) this.#publisher.disconnect()
    else this.#publisher.off('error', this.#onError)
  }

  readonly #onError = (error: Error) => log('%s', error.message)

  readonly #onClose = () => this.#set(false)

  readonly #onReady = () => void this.#check()

  /** Up is an engine that answers on both connections, and has every subscription. */
  async #check(): Promise<void> {
    const ready = [this.#publisher, this.#subscriber].every(({ status }) => status === 'ready')
    if (!ready || this.#closed) return this.#set(false)
    const answers = await inTime(Promise.all([this.#publisher.ping(), this.#subscriber.ping()]))
    if (!answers) return this.#set(false)
    if (this.#untaken > maxUntaken / 2) return
    const complete = this.#up || (await inTime(this.#topics.subscribeAll()))
    if (!this.#closed) this.#set(complete)
  }

  #set(up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    if (!up) this.#topics.lost()
    log(up ? 'up' : 'down')
    for (const listener of [...this.#listeners]) listener(up)
  }
}

function connect(url: string): Redis {
  return new Redis(url, {
    // nothing is kept for later: what is lost is found by those who need to know
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableAutoPipelining: false,
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000) * (0.5 + Math.random()),
  })
}

/** A connection of its own for subscriptions (a subscribed one can do nothing else). */
function duplicate(client: Redis | Cluster): Redis | Cluster {
  const options = { enableOfflineQueue: false, autoResubscribe: false }
  return client.isCluster
    ? (client as Cluster).duplicate([], options)
    : (client as Redis).duplicate(options)
}

/** Whether something succeeded within the ping time. */
async function inTime(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), pingTime)
  })
  const done = work.then(
    () => true,
    () => false,
  )
  return Promise.race([done, late]).finally(() => clearTimeout(timer))
}
