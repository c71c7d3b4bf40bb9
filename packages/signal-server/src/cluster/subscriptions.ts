import { Fifo } from '../fifo.js'
import type { Instances } from './instances.js'

// a key whose last peer leaves is often joined again at once, as after a reconnect
const lingerTime = 5_000
// a few MB; as many keys as one peer may have
const maxLingering = 5_000

interface Subscription {
  wanted: number
  heard: boolean
  readonly unsubscribe: Promise<() => void>
  /** How often it began to linger: what was written down of an earlier time counts no more. */
  lingers: number
}

interface Lingering {
  readonly topic: string
  readonly subscription: Subscription
  readonly time: number
  /** In milliseconds on the clock of `performance.now()`. */
  readonly until: number
}

/** Topics that are subscribed to as long as somebody here wants them. */
export class Subscriptions {
  readonly #byTopic = new Map<string, Subscription>()
  /** In the order in which they end. */
  readonly #lingering = new Fifo<Lingering>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param dropped - called when a topic is no longer heard */
  constructor(
    private readonly instances: Instances,
    private readonly dropped: (topic: string) => void,
  ) {}

  /** Wants a topic once more. */
  want(topic: string): void {
    const known = this.#byTopic.get(topic)
    if (known) {
      known.wanted++
      return
    }
    const unsubscribe = this.instances.ready.then(() => this.instances.subscribe(topic))
    const made: Subscription = { wanted: 1, heard: false, unsubscribe, lingers: 0 }
    void unsubscribe.then(() => (made.heard = true))
    this.#byTopic.set(topic, made)
  }

  /** Calls back as soon as wanted topics are heard: at once where they are already. */
  whenHeard(topics: readonly string[], callback: () => void): void {
    const awaited = topics.flatMap((topic) => this.#byTopic.get(topic) ?? [])
    const unheard = awaited.filter(({ heard }) => !heard)
    if (unheard.length === 0) return callback()
    void Promise.all(unheard.map(({ unsubscribe }) => unsubscribe)).then(() => {
      if (!this.#closed) callback()
    })
  }

  /** Wants it once less. */
  release(topic: string): void {
    const subscription = this.#byTopic.get(topic)
    if (!subscription || --subscription.wanted > 0) return
    const until = performance.now() + lingerTime
    this.#lingering.push({ topic, subscription, time: ++subscription.lingers, until })
    if (this.#lingering.size > maxLingering) this.#dropFirst()
    this.#timer ??= setTimeout(() => this.#timedOut(), lingerTime).unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#lingering.clear()
    for (const { unsubscribe } of this.#byTopic.values()) void unsubscribe.then((stop) => stop())
    this.#byTopic.clear()
  }

  #timedOut(): void {
    const now = performance.now()
    while (this.#lingering.size > 0 && this.#lingering.first!.until <= now) this.#dropFirst()
    const next = this.#lingering.first
    // a timer may be early by a part of a millisecond
    this.#timer = next && setTimeout(() => this.#timedOut(), next.until - now + 1).unref()
  }

  /** Ends the one that has lingered longest, unless it was wanted again. */
  #dropFirst(): void {
    const { topic, subscription, time } = this.#lingering.shift()!
    if (subscription.wanted > 0 || subscription.lingers !== time) return
    this.#byTopic.delete(topic)
    this.dropped(topic)
    void subscription.unsubscribe.then((stop) => stop())
  }
}
