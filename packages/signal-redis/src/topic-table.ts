type Handler = (message: Buffer) => void

/** Tells the engine, on one connection, what is heard here. */
export interface Subscriber {
  subscribe(...topics: string[]): Promise<unknown>
  unsubscribe(...topics: string[]): Promise<unknown>
}

interface Topic {
  readonly name: string
  readonly handlers: Set<Handler>
  /** Called when the engine has acknowledged the subscription. */
  waiting: (() => void)[]
  acknowledged: boolean
}

// a Join may bring a thousand topics at once, and a reconnection all that there are
const topicsACommand = 500

/** Who hears which topic here, and what the engine knows of it. */
export class TopicTable {
  readonly #topics = new Map<string, Topic>()
  /** What the engine is told at the end of this turn. */
  #fresh: Topic[] = []
  #stale: string[] = []
  #scheduled = false
  #subscriber: Subscriber | undefined

  subscribe(name: string, handler: Handler): Promise<() => void> {
    // of its own, so that one function may subscribe twice
    const own: Handler = (message) => handler(message)
    let topic = this.#topics.get(name)
    if (!topic) {
      topic = { name, handlers: new Set(), waiting: [], acknowledged: false }
      this.#topics.set(name, topic)
      this.#fresh.push(topic)
      this.#schedule()
    }
    const { handlers, waiting, acknowledged } = topic
    handlers.add(own)
    const unsubscribe = () => this.#unsubscribe(name, own)
    if (acknowledged) return Promise.resolve(unsubscribe)
    return new Promise((resolve) => waiting.push(() => resolve(unsubscribe)))
  }

  deliver(name: string, message: Buffer): void {
    for (const handler of this.#topics.get(name)?.handlers ?? []) handler(message)
  }

  /** The connection is lost, and the engine's knowledge with it. */
  lost(): void {
    this.#subscriber = undefined
    for (const topic of this.#topics.values()) topic.acknowledged = false
  }

  /**
   * Subscribes on a new connection to everything, piece by piece, so that other things may be asked
   * on it meanwhile; rejects where the engine does not answer.
   */
  async subscribeAll(subscriber: Subscriber): Promise<void> {
    this.#subscriber = subscriber
    const all = [...this.#topics.values()]
    for (let i = 0; i < all.length; i += topicsACommand) {
      const some = all.slice(i, i + topicsACommand)
      await this.#send(some.filter((topic) => !topic.acknowledged && this.#has(topic)))
    }
  }

  #unsubscribe(name: string, handler: Handler): void {
    const topic = this.#topics.get(name)
    if (!topic?.handlers.delete(handler) || topic.handlers.size > 0) return
    this.#topics.delete(name)
    this.#stale.push(name)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const fresh = this.#fresh.filter((topic) => this.#has(topic))
      const stale = this.#stale.filter((name) => !this.#topics.has(name))
      this.#fresh = []
      this.#stale = []
      // what cannot be sent now is sent with all others, once there is a connection
      if (!this.#subscriber) return
      for (let i = 0; i < stale.length; i += topicsACommand) {
        this.#subscriber.unsubscribe(...stale.slice(i, i + topicsACommand)).catch(() => {})
      }
      for (let i = 0; i < fresh.length; i += topicsACommand) {
        this.#send(fresh.slice(i, i + topicsACommand)).catch(() => {})
      }
    })
  }

  async #send(topics: Topic[]): Promise<void> {
    const subscriber = this.#subscriber
    if (topics.length === 0 || !subscriber) return
    await subscriber.subscribe(...topics.map(({ name }) => name))
    for (const topic of topics) {
      // another connection, or another topic of this name, has not been acknowledged by that
      if (this.#subscriber !== subscriber || !this.#has(topic)) continue
      topic.acknowledged = true
      for (const callback of topic.waiting.splice(0)) callback()
    }
  }

  #has(topic: Topic): boolean {
    return this.#topics.get(topic.name) === topic
  }
}
