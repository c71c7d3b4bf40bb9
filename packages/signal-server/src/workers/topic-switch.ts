import type { WorkerMessage } from './messages.js'

/** Passes the messages of a bus on to those of its members who subscribe to their topic. */
export class TopicSwitch<M> {
  readonly #members = new Map<string, Set<M>>()

  /** @param send - to a member */
  constructor(private readonly send: (member: M, message: WorkerMessage) => void) {}

  receive(member: M, message: WorkerMessage): void {
    if (message.t === 'subscribe') {
      this.#members.set(message.topic, (this.#members.get(message.topic) ?? new Set()).add(member))
      this.send(member, message)
    } else if (message.t === 'unsubscribe') {
      this.#remove(message.topic, member)
    } else if (message.t === 'publish') {
      for (const subscriber of this.#members.get(message.topic) ?? []) {
        this.send(subscriber, message)
      }
    }
  }

  /** A member is gone. */
  forget(member: M): void {
    for (const topic of [...this.#members.keys()]) this.#remove(topic, member)
  }

  #remove(topic: string, member: M): void {
    const members = this.#members.get(topic)
    if (members?.delete(member) && members.size === 0) this.#members.delete(topic)
  }
}
