import type { Bus } from '../bus/bus.js'
import { TopicHandlers } from '../bus/topic-handlers.js'
import type { Operation } from './operations.js'

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
  readonly #handlers = new TopicHandlers()

  /** @param carrier - to the primary */
  constructor(private readonly carrier: Carrier) {}

  publish(topic: string, message: Uint8Array): void {
    // no process gets what it has sent itself: it delivers that when the others have it
    const own = this.#handlers.has(topic) ? () => this.receive(topic, message) : undefined
    this.carrier.push({ t: 'publish', topic, message }, own)
  }

  subscribe(topic: string, handler: (message: Buffer) => void): Promise<() => void> {
    const remove = this.#handlers.add(topic, handler)
    const unsubscribe = () => {
      if (remove()) this.carrier.push({ t: 'unsubscribe', topic })
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
    if (this.#handlers.has(topic)) this.#handlers.deliver(topic, Buffer.from(message))
  }
}
