import { Fifo } from './fifo.js'

/** What waits of one group. */
interface Group<T> {
  readonly name: unknown
  readonly items: Fifo<T>
}

/**
 * A queue in which groups take turns, one item each; the items of a group are first in, first out. A
 * group of which nothing waits takes no memory.
 */
export class RoundRobin<T> {
  readonly #groups = new Map<unknown, Group<T>>()
  /** All of them, in the order of their turns. */
  readonly #turns = new Fifo<Group<T>>()

  get empty(): boolean {
    return this.#turns.size === 0
  }

  /** @param name - of the group: any value, compared as the keys of a Map are */
  push(name: unknown, item: T): void {
    let group = this.#groups.get(name)
    if (!group) {
      group = { name, items: new Fifo() }
      this.#groups.set(name, group)
      this.#turns.push(group)
    }
    group.items.push(item)
  }

  /** Takes the next item; after that it is the turn of the next group. */
  shift(): T | undefined {
    const group = this.#turns.shift()
    if (!group) return undefined
    const item = group.items.shift()
    if (group.items.size > 0) this.#turns.push(group)
    else this.#groups.delete(group.name)
    return item
  }
}
