import type { Bus } from '../bus/bus.js'
import type { WorkerMessage } from './messages.js'

type Handler = (message: Buffer) => void

/** The bus between the processes of one machine: the primary passes messages on. */
export class WorkerBus implements Bus {
  /** A worker whose primary is gone ends, so it is never down. */
  readonly up = true
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #waiting = new Map<number, () => void>()
  #number = 0

  /** @param send - to the primary */
  constructor(private readonly send: (message: WorkerMessage) => void) {}

  publish(topic: string, message: Uint8Array): void {
    this.send({ t: 'publish', topic, message })
  }

  subscribe(topic: string, handler: Handler): Promise<() => void> {
    // of its own, so that one function may subscribe twice
    const own: Handler = (message) => handler(message)
    const handlers = this.#handlers.get(topic) ?? new Set()
    this.#handlers.set(topic, handlers.add(own))
    const number = ++this.#number
    const unsubscribe = () => {
      const current = this.#handlers.get(topic)
      if (!current?.delete(own) || current.size > 0) return
      this.#handlers.delete(topic)
      this.send({ t: 'unsubscribe', topic })
    }
    const subscribed = new Promise<() => void>((resolve) => {
      this.#waiting.set(number, () => resolve(unsubscribe))
    })
    this.send({ t: 'subscribe', topic, number })
    return subscribed
  }

  watch(): () => void {
    return () => {}
  }

  /** A message of the primary. */
  receive(message: WorkerMessage): void {
    if (message.t === 'subscribe') {
      this.#waiting.get(message.number)?.()
      this.#waiting.delete(message.number)
    } else if (message.t === 'publish') {
      const bytes = Buffer.from(message.message)
      for (const handler of this.#handlers.get(message.topic) ?? []) handler(bytes)
    }
  }
}
