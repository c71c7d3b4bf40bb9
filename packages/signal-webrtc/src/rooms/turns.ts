import { Fifo } from 'signal-server'

const sliceTime = 5

/** Resolves when all that does not wait for another turn of the event loop is done. */
const atOnceDone = () =>
  new Promise<void>((resolve) => {
    // socket.io tells of an event in the next tick, and what follows from that comes before the tick after
    process.nextTick(() => process.nextTick(resolve))
  })

/**
 * Shares the turns of the event loop among what clients of rooms ask for: 5 ms of each turn, one
 * request after the other. A request that is the only one of its client comes before those of clients
 * that have asked for more, of which one is carried out in each turn at least. A request that waits
 * for other instances keeps nobody waiting.
 */
export class Turns {
  readonly #single = new Fifo<() => void>()
  readonly #ofMany = new Fifo<() => void>()
  #scheduled: NodeJS.Immediate | undefined
  #until = 0
  #closed = false

  /**
   * Carries a request out when it is its turn; `act` must not reject.
   *
   * @param ofMany - whether its client has asked for more already
   */
  async run(act: () => Promise<void>, ofMany = false): Promise<void> {
    await new Promise<void>((resolve) => {
      const queue = ofMany ? this.#ofMany : this.#single
      queue.push(resolve)
      this.#schedule()
    })
    if (this.#closed) return
    const acting = act()
    await Promise.race([acting, atOnceDone()])
    // its turn may have time left, even if it waits for something, such as the check of a token
    if (performance.now() < this.#until) this.#admit(this.#single, this.#ofMany)
    await acting
  }

  /** Lets go of all that wait, and carries out nothing more. */
  close(): void {
    this.#closed = true
    clearImmediate(this.#scheduled)
    for (const queue of [this.#single, this.#ofMany]) {
      for (let resolve; (resolve = queue.shift());) resolve()
    }
  }

  #schedule(): void {
    if (this.#closed || this.#scheduled) return
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined
      this.#until = performance.now() + sliceTime
      this.#admit(this.#ofMany, this.#single)
    })
  }

  /** Lets the next request of a queue be carried out; if it is empty, that of the other. */
  #admit(queue: Fifo<() => void>, other: Fifo<() => void>): void {
    const next = queue.shift() ?? other.shift()
    if (!next) return
    next()
    if (this.#single.size + this.#ofMany.size > 0) this.#schedule()
  }
}
