import type { Operation } from './operations.js'

/**
 * Passes the messages of a bus on to those of its members who subscribe to their topic. To its sender
 * it does not pass a message: a sender that subscribes delivers it itself.
 */
export class TopicSwitch<M extends object> {
  /** Most topics have one subscriber, for which a set would cost most of the memory. */
  readonly #members = new Map<string, M | Set<M>>()
  readonly #gone = new WeakSet<M>()

  /** @param send - to a member */
  constructor(private readonly send: (member: M, message: Operation) => void) {}

  receive(member: M, operation: Operation): void {
    const { t, topic } = operation
    if (t === 'unsubscribe') return this.#remove(topic, member)
    if (t === 'subscribe') return this.#add(topic, member)
    for (const subscriber of this.#on(topic)) {
      if (subscriber !== member) this.send(subscriber, operation)
    }
  }

  /** A member is gone; what it has published before may come still. */
  forget(member: M): void {
    this.#gone.add(member)
    for (const topic of [...this.#members.keys()]) this.#remove(topic, member)
  }

  #on(topic: string): Iterable<M> {
    const members = this.#members.get(topic)
    if (members === undefined) return []
    return members instanceof Set ? members : [members]
  }

  #add(topic: string, member: M): void {
    if (this.#gone.has(member)) return
    const members = this.#members.get(topic)
    if (members === undefined) this.#members.set(topic, member)
    else if (members instanceof Set) members.add(member)
    else if (members !== member) this.#members.set(topic, new Set([members, member]))
  }

  #remove(topic: string, member: M): void {
    const members = this.#members.get(topic)
    if (members === member) this.#members.delete(topic)
    else if (members instanceof Set && members.delete(member) && members.size === 0) {
      this.#members.delete(topic)
    }
  }
}
