import debug from 'debug'
import { Redis, type Cluster } from 'ioredis'
import type { Bus } from 'signal-server'
import { inTime, Line, lineOptions, reasonOf } from './line.js'
import { Recovery } from './recovery.js'
import { SignOfLife } from './sign-of-life.js'
import { TopicTable } from './topic-table.js'

const log = debug('signal:redis')

// how often the engine is asked whether it answers
const checkInterval = 1_000
// an engine that was silent for so long may have gone without a word: it is dialled anew
const patience = 5_000
// and where none is there at all, the next node may be
const refusedPatience = 1_500
/** Bytes that the engine may not have taken yet; beyond that it counts as down. */
const maxUntaken = 32 * 1024 * 1024

const lost = 'The connection to Redis was lost.'
const tooMuchWaits = 'Redis takes what is published too slowly.'
const isReplica =
  'This Redis is a replica: what is published there reaches no instance on another one.'

/**
 * The bus of {@link https://redis.io | Redis} 7 or Valkey: its publish and subscribe, and nothing
 * that it stores. Reconnects by itself. The bus is up while its own sign of life, which it publishes
 * once a second, comes back.
 */
export class RedisBus implements Bus {
  readonly #template: Redis | Cluster
  /** Whether the template was made here, and never connects. */
  readonly #owned: boolean
  readonly #prefix: string
  readonly #topics = new TopicTable()
  readonly #recovery = new Recovery()
  readonly #signOfLife: SignOfLife
  readonly #listeners = new Set<(up: boolean) => void>()
  readonly #timer: NodeJS.Timeout
  #line: Line | undefined
  #lines = 0
  #subscribing: Promise<void> | undefined
  #checking = false
  #checkAgain = false
  #answeredAt = performance.now()
  #heardAt = performance.now()
  #up = false
  #reason: string | undefined = 'Redis is not connected yet.'
  #untaken = 0
  #closed = false

  /**
   * @param redis - a URL (`redis://…`, `rediss://…` for TLS; `?keyPrefix=…` keeps deployments that
   * share an engine apart), or a client of ioredis (a Cluster too). Of a client only the options
   * are used: the bus makes two connections of its own from them.
   */
  constructor(redis: string | Redis | Cluster) {
    this.#owned = typeof redis === 'string'
    this.#template = typeof redis === 'string' ? new Redis(redis, { lazyConnect: true }) : redis
    this.#prefix = String(this.#template.options.keyPrefix ?? '')
    this.#signOfLife = new SignOfLife(this.#topics, this.#prefix)
    this.#timer = setInterval(() => void this.#check(), checkInterval)
    this.#timer.unref()
    void this.#check()
  }

  get up(): boolean {
    return this.#up
  }

  /** Why it is down, in a sentence; undefined while it is up. */
  get reason(): string | undefined {
    return this.#reason
  }

  publish(topic: string, message: Uint8Array): void {
    if (!this.#up || !this.#line) return
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    if (this.#untaken + bytes.length > maxUntaken) return this.#set(tooMuchWaits)
    this.#untaken += bytes.length
    const taken = () => {
      this.#untaken -= bytes.length
    }
    this.#line.publisher.publish(this.#prefix + topic, bytes).then(taken, taken)
  }

  subscribe(topic: string, handler: (message: Buffer) => void): Promise<() => void> {
    return this.#topics.subscribe(this.#prefix + topic, handler)
  }

  watch(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Ends its connections; what was published before goes out still. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#set('The bus was closed.')
    this.#topics.lost()
    this.#line?.close()
    if (this.#owned) this.#template.disconnect()
  }

  /** Looks whether the bus is up; one look at a time. */
  async #check(): Promise<void> {
    this.#checkAgain = this.#checking
    if (this.#checking || this.#closed) return
    this.#checking = true
    const reason = await this.#whyDown()
    this.#checking = false
    if (this.#closed) return
    if (reason !== undefined) this.#recovery.missed()
    if (reason !== undefined || this.#up || this.#recovery.worked()) this.#set(reason)
    if (this.#checkAgain) void this.#check()
  }

  /**
   * Up is an engine that answers on both connections, has every subscription, and carries this bus's
   * own sign of life.
   * @returns why it is not up
   */
  async #whyDown(): Promise<string | undefined> {
    const line = (this.#line ??= this.#dial())
    if (!line) return 'No node of the cluster is known.'
    try {
      await line.answers()
      if (!this.#template.isCluster && (await line.isReplica())) throw new Error(isReplica)
    } catch (error) {
      return this.#failed(line, error)
    }
    this.#answeredAt = performance.now()
    if (this.#untaken > maxUntaken / 2) return tooMuchWaits
    try {
      // of many thousand topics this takes more than one look
      const subscribing = (this.#subscribing ??= this.#subscribe(line))
      await inTime(subscribing)
      if (!line.ready || subscribing !== this.#subscribing) return lost
    } catch (error) {
      return reasonOf(error)
    }
    return this.#isHeard(line)
  }

  async #isHeard(line: Line): Promise<string | undefined> {
    try {
      await inTime(this.#signOfLife.comesBack(line.publisher))
      this.#heardAt = performance.now()
      return undefined
    } catch (error) {
      // the address may lead to another engine by now
      if (line === this.#line && performance.now() - this.#heardAt > patience) this.#hangUp()
      return reasonOf(error)
    }
  }

  /** Dials again if the engine does not answer for long, or never lets this bus publish. */
  #failed(line: Line, error: unknown): string {
    if (line !== this.#line) return lost
    const rest = performance.now() - this.#answeredAt
    if (rest > (line.refused ? refusedPatience : patience)) this.#hangUp()
    return reasonOf(error)
  }

  async #subscribe(line: Line): Promise<void> {
    try {
      await this.#topics.subscribeAll(line.subscriber)
    } catch (error) {
      log('not subscribed: %s', (error as Error).message)
      if (line === this.#line) this.#subscribing = undefined
      throw error
    }
  }

  #dial(): Line | undefined {
    this.#answeredAt = this.#heardAt = performance.now()
    const node = this.#node()
    if (!node) return undefined
    const options = { ...lineOptions }
    return new Line(node.duplicate(options), node.duplicate(options), {
      message: (topic, message) => this.#topics.deliver(topic.toString(), message),
      error: (error) => log('%s', error.message),
      closed: () => this.#lost(),
      ready: () => void this.#check(),
    })
  }

  /** What to connect to; of a cluster one node, for what is published on one is heard on all. */
  #node(): Redis | undefined {
    const template = this.#template
    if (!template.isCluster) return template as Redis
    const cluster = template as Cluster
    if (cluster.status === 'wait') cluster.connect().catch(() => {})
    const nodes = cluster.nodes('master')
    return nodes[this.#lines++ % nodes.length]
  }

  #hangUp(): void {
    log('no answer: dialling anew')
    this.#line?.close()
    this.#line = undefined
    this.#lost()
    void this.#check()
  }

  #lost(): void {
    this.#subscribing = undefined
    this.#topics.lost()
    this.#set(this.#line?.lastError ?? lost)
  }

  /** @param reason - why it is down; undefined if it is up */
  #set(reason: string | undefined): void {
    const up = reason === undefined
    this.#reason = reason
    if (up === this.#up) return
    this.#up = up
    if (!up) this.#recovery.failed()
    log(up ? 'up' : 'down: %s', reason)
    for (const listener of [...this.#listeners]) listener(up)
  }
}
