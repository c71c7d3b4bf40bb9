import type { Bus } from '../../bus/bus.js'
import { Fifo } from '../../fifo.js'
import type { Steps } from '../../limits/sliced-work.js'

// keys of requests that go on together, before it is looked again whether the bus is congested
const keysAtOnce = 256
// a request of so many keys does not wait for larger ones of its own address
const fewKeys = 16

interface Waiting {
  readonly keys: number
  readonly goOn: () => void
}

/**
 * Lets requests about keys wait while the bus is congested, for each key costs the bus several
 * messages. A session whose request waits is not read. Addresses take turns, so that a request does
 * not wait for all those that the sessions of another address have made before.
 */
export class WaitingRequests {
  /** By address; the first is the next one whose turn it is. */
  readonly #groups = new Map<string, Fifo<Waiting>>()
  /** Keys of requests that may go on, and have not done so yet. */
  #goingOn = 0
  #awaitsBus = false

  constructor(private readonly bus: Bus) {}

  /**
   * Waits for the bus; what comes directly behind these steps is done before others go on.
   * @param address - of the client; undefined where it is not known
   * @param keys - of its request
   */
  *wait(address: string | undefined, keys: number): Steps {
    if (!this.bus.congested && this.#groups.size === 0) return
    const group = `${keys > fewKeys ? 'many' : 'few'} ${address ?? ''}`
    yield new Promise<void>((goOn) => this.#add(group, { keys, goOn }))
    this.#goingOn -= keys
    // the bus knows what this request costs it by then
    queueMicrotask(() => this.#letGoOn())
  }

  #add(group: string, waiting: Waiting): void {
    const others = this.#groups.get(group) ?? new Fifo<Waiting>()
    this.#groups.set(group, others)
    others.push(waiting)
    this.#letGoOn()
  }

  #letGoOn(): void {
    if (this.#awaitsBus) return
    while (this.#goingOn < keysAtOnce && this.#groups.size > 0) {
      if (this.bus.congested) return this.#awaitBus()
      const next = this.#next()
      this.#goingOn += next.keys
      next.goOn()
    }
  }

  #awaitBus(): void {
    this.#awaitsBus = true
    void this.bus.drained?.().then(() => {
      this.#awaitsBus = false
      this.#letGoOn()
    })
  }

  #next(): Waiting {
    const [[group, waiting]] = this.#groups as unknown as [[string, Fifo<Waiting>]]
    const next = waiting.shift()!
    this.#groups.delete(group)
    if (waiting.size > 0) this.#groups.set(group, waiting)
    return next
  }
}
