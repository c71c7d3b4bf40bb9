import type { Bus } from '../bus/bus.js'
import type { Operation } from './operations.js'

type Handler = (message: Buffer) => void

/** What carries the operations of a member to where they are carried out. */
export interface Carrier {
  /** @param done - called when it has been carried out; in the order in which they were pushed */
  push(operation: Operation, done?: () => void): void
  readonly congested: boolean
  drained(): Promise<void>
}

/**
 * The bus between the processes of one machine: the primary passes messages on. What is published
 * must not be changed afterwards, for it travels at the end of the turn.
 */
export class WorkerBus implements Bus {
  /** A worker whose primary is gone ends, so it is never down. */
  readonly up = true
  readonly #handlers = new Map<string, Set<Handler>>()

  /** @param carrier - to the primary */
  constructor(private readonly carrier: Carrier) {}

  publish(topic: string, message: Uint8Array): void {
    // no process gets what it has sent itself: it delivers that when the others have it
    const own = this.#handlers.has(topic) ? () => this.receive(topic, message) : undefined
    this.carrier.push({ t: 'publish', topic, message }, own)
  }

  subscribe(topic: string, handler: Handler): Promise<() => void> {
    // of its own, so that one function may subscribe twice
    const own: Handler = (message) => handler(message)
    const handlers = this.#handlers.get(topic) ?? new Set()
    this.#handlers.set(topic, handlers.add(own))
    const unsubscribe = () => {
      const current = this.#handlers.get(topic)
      if (!current?.delete(own) || current.size > 0) return
      this.#handlers.delete(topic)
      this.carrier.push({ t: 'unsubscribe', topic })
    }
    return new Promise((resolve) => {
      this.carrier.push({ t: 'subscribe', topic }, () => resolve(unsubscribe))
    })
  }

  get congested(): boolean {
    return this.carrier.congested
  }

  drained(): Promise<void> {
    return this.carrier.drained()
  }

  watch(): () => void {
    return () => {}
  }

  /** Something was published. */
  receive(topic: string, message: Uint8Array): void {
    const handlers = this.#handlers.get(topic)
    if (!handlers) return
    const bytes = Buffer.from(message)
    for (const handler of handlers) handler(bytes)
  }
}
