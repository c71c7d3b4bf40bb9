import type { Bus } from './bus.js'

type Handler = (message: Buffer) => void

/** Joins several servers in one process. */
export class LocalBus implements Bus {
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #listeners = new Set<(up: boolean) => void>()
  #up = true

  get up(): boolean {
    return this.#up
  }

  /** Cuts the bus, or mends it, as an outage of an engine would. */
  set up(up: boolean) {
    if (up === this.#up) return
    this.#up = up
    for (const listener of this.#listeners) listener(up)
  }

  publish(topic: string, message: Uint8Array): void {
    if (!this.#up || !this.#handlers.has(topic)) return
    // a copy that arrives later, as over a network
    const copy = Buffer.from(message)
    setImmediate(() => {
      if (!this.#up) return
      for (const handler of this.#handlers.get(topic) ?? []) handler(copy)
    })
  }

  subscribe(topic: string, handler: Handler): Promise<() => void> {
    let handlers = this.#handlers.get(topic)
    if (!handlers) this.#handlers.set(topic, (handlers = new Set()))
    // of its own, so that one function may subscribe twice
    const own: Handler = (message) => handler(message)
    handlers.add(own)
    const unsubscribe = () => {
      const current = this.#handlers.get(topic)
      if (current?.delete(own) && current.size === 0) this.#handlers.delete(topic)
    }
    return Promise.resolve(unsubscribe)
  }

  watch(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
