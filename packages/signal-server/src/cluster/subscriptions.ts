import type { Instances } from './instances.js'

// a key whose last peer leaves is often joined again at once, as after a reconnect
const lingerTime = 5_000

interface Subscription {
  wanted: number
  heard: boolean
  readonly unsubscribe: Promise<() => void>
  linger: NodeJS.Timeout | undefined
}

/** Topics that are subscribed to as long as somebody here wants them. */
export class Subscriptions {
  readonly #byTopic = new Map<string, Subscription>()
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
      clearTimeout(known.linger)
      known.wanted++
      return
    }
    const unsubscribe = this.instances.ready.then(() => this.instances.subscribe(topic))
    const made: Subscription = { wanted: 1, heard: false, unsubscribe, linger: undefined }
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
    subscription.linger = setTimeout(() => {
      this.#byTopic.delete(topic)
      this.dropped(topic)
      void subscription.unsubscribe.then((unsubscribe) => unsubscribe())
    }, lingerTime)
    subscription.linger.unref()
  }

  close(): void {
    this.#closed = true
    for (const { linger, unsubscribe } of this.#byTopic.values()) {
      clearTimeout(linger)
      void unsubscribe.then((stop) => stop())
    }
    this.#byTopic.clear()
  }
}
