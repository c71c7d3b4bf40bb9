import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { TopicTable } from './topic-table.js'

/** A message of the bus to itself: if it comes back, this user may publish and hear. */
export class SignOfLife {
  readonly #topic: string
  #sent = 0
  #heard: (number: number) => void = () => {}

  constructor(topics: TopicTable, prefix: string) {
    this.#topic = `${prefix}signal:echo:${randomUUID()}`
    void topics.subscribe(this.#topic, (message) => this.#heard(Number(message.toString())))
  }

  /** Resolves when a message is back that is published now; rejects if the engine refuses it. */
  async comesBack(publisher: Redis): Promise<void> {
    const number = ++this.#sent
    const back = new Promise<void>((resolve) => {
      this.#heard = (heard) => {
        if (heard === number) resolve()
      }
    })
    await publisher.publish(this.#topic, String(number))
    await back
  }
}
