import type { Cluster, Redis } from 'ioredis'

type Handler = (message: Buffer) => void

interface Topic {
  readonly handlers: Set<Handler>
  /** Called when the engine has acknowledged the subscription. */
  waiting: (() => void)[]
  acknowledged: boolean
}

// a Join may bring a thousand topics at once
const topicsACommand = 500

/** Who hears which topic here, and what the engine knows of it. */
export class TopicTable {
  readonly #topics = new Map<string, Topic>()
  #fresh: string[] = []
  #scheduled = false

  /** @param subscriber - a connection that is used for nothing else */
  constructor(private readonly subscriber: Redis | Cluster) {}

  subscribe(topic: string, handler: Handler): Promise<() => void> {
    // of its own, so that one function may subscribe twice
    const own: Handler = (message) => handler(message)
    let entry = this.#topics.get(topic)
    if (!entry) {
      this.#topics.set(topic, (entry = { handlers: new Set(), waiting: [], acknowledged: false }))
      this.#fresh.push(topic)
      this.#schedule()
    }
    const { handlers, waiting, acknowledged } = entry
    handlers.add(own)
    const unsubscribe = () => this.#unsubscribe(topic, own)
    if (acknowledged) return Promise.resolve(unsubscribe)
    return new Promise((resolve) => waiting.push(() => resolve(unsubscribe)))
  }

  deliver(topic: string, message: Buffer): void {
    for (const handler of this.#topics.get(topic)?.handlers ?? []) handler(message)
  }

  /** The connection is lost, and the engine's knowledge with it. */
  lost(): void {
    for (const topic of this.#topics.values()) topic.acknowledged = false
  }

  /** Subscribes to everything, as after a reconnection; rejects where the engine does not answer. */
  async subscribeAll(): Promise<void> {
    this.#fresh = []
    await this.#send([...this.#topics.keys()])
  }

  #unsubscribe(topic: string, handler: Handler): void {
    const entry = this.#topics.get(topic)
    if (!entry?.handlers.delete(handler) || entry.handlers.size > 0) return
    this.#topics.delete(topic)
    // where the connection is lost there is nothing to take back
    if (this.subscriber.status === 'ready') this.subscriber.unsubscribe(topic).catch(() => {})
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const fresh = this.#fresh.filter((topic) => this.#topics.has(topic))
      this.#fresh = []
      // what cannot be sent now is sent with all others, once there is a connection
      if (this.subscriber.status === 'ready') this.#send(fresh).catch(() => {})
    })
  }

  async #send(topics: string[]): Promise<void> {
    const commands: Promise<void>[] = []
    for (let i = 0; i < topics.length; i += topicsACommand) {
      const some = topics.slice(i, i + topicsACommand)
      commands.push(this.subscriber.subscribe(...some).then(() => this.#acknowledge(some)))
    }
    await Promise.all(commands)
  }

  #acknowledge(topics: string[]): void {
    for (const name of topics) {
      const topic = this.#topics.get(name)
      if (!topic) continue
      topic.acknowledged = true
      for (const callback of topic.waiting.splice(0)) callback()
    }
  }
}
