import type { Bus } from '../../bus/bus.js'
import type { Steps } from '../../limits/sliced-work.js'
import { RoundRobin } from '../../round-robin.js'

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
  /** In groups by address. */
  readonly #waiting = new RoundRobin<Waiting>()
  /** Keys of the requests that may go on and have not done so yet. */
  #goingOn = 0
  #awaitsBus = false

  constructor(private readonly bus: Bus) {}

  /**
   * Waits for the bus; what comes directly behind these steps is done before others go on.
   * @param address - of the client; undefined where it is not known
   * @param keys - of its request
   */
  *wait(address: string | undefined, keys: number): Steps {
    if (!this.bus.congested && this.#waiting.empty) return
    const group = `${keys > fewKeys ? 'many' : 'few'} ${address ?? ''}`
    yield new Promise<void>((goOn) => {
      this.#waiting.push(group, { keys, goOn })
      this.#letGoOn()
    })
    this.#goingOn -= keys
    // the bus knows what this request costs it by then
    queueMicrotask(() => this.#letGoOn())
  }

  #letGoOn(): void {
    if (this.#awaitsBus) return
    while (this.#goingOn < keysAtOnce && !this.#waiting.empty) {
      if (this.bus.congested) return this.#awaitBus()
      const next = this.#waiting.shift()!
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
}
