type Handler = (message: Buffer) => void

/** The handlers of each topic in one process. */
export class TopicHandlers {
  readonly #byTopic = new Map<string, Set<Handler>>()

  has(topic: string): boolean {
    return this.#byTopic.has(topic)
  }

  /**
   * Adds a handler, which may be there already: it then hears each message twice.
   * @returns removes it, and returns whether the topic has no handler left because of that
   */
  add(topic: string, handler: Handler): () => boolean {
    const own: Handler = (message) => handler(message)
    const handlers = this.#byTopic.get(topic) ?? new Set()
    this.#byTopic.set(topic, handlers.add(own))
    return () => handlers.delete(own) && handlers.size === 0 && this.#byTopic.delete(topic)
  }

  deliver(topic: string, message: Buffer): void {
    for (const handler of this.#byTopic.get(topic) ?? []) handler(message)
  }
}
