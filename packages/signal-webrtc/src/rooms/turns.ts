import { RoundRobin } from 'signal-server'

const sliceTime = 5

/** Resolves when all that does not wait for another turn of the event loop is done. */
const atOnceDone = () =>
  new Promise<void>((resolve) => {
    // socket.io tells of an event in the next tick, and what follows from that comes before the tick after
    process.nextTick(() => process.nextTick(resolve))
  })

/**
 * Shares the turns of the event loop among what clients of rooms ask for: 5 ms of each turn, one
 * request after the other, each of another group of clients. A small request that is the only one of
 * its client comes before large ones and those of clients that have asked for more, of which one comes
 * first in every second turn. A request that waits for other instances keeps nobody waiting.
 */
export class Turns {
  readonly #first = new RoundRobin<() => void>()
  readonly #later = new RoundRobin<() => void>()
  #scheduled: NodeJS.Immediate | undefined
  #until = 0
  #laterFirst = false
  #closed = false

  /**
   * Carries a request out when it is its turn; `act` must not reject.
   *
   * @param of - the group with which it takes turns: what the limits per address count its client as
   * or, where that is not known, the client itself
   * @param later - whether it is large, or its client has asked for more already
   */
  async run(act: () => Promise<void>, of: unknown, later = false): Promise<void> {
    await new Promise<void>((resolve) => {
      const queue = later ? this.#later : this.#first
      queue.push(of, resolve)
      this.#schedule()
    })
    if (this.#closed) return
    const acting = act()
    await Promise.race([acting, atOnceDone()])
    // its turn may have time left, even if it waits for something, such as the check of a token
    if (performance.now() < this.#until) this.#admit(this.#first, this.#later)
    await acting
  }

  /** Lets go of all that wait, and carries out nothing more. */
  close(): void {
    this.#closed = true
    clearImmediate(this.#scheduled)
    for (const queue of [this.#first, this.#later]) {
      for (let resolve; (resolve = queue.shift());) resolve()
    }
  }

  #schedule(): void {
    if (this.#closed || this.#scheduled) return
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined
      this.#until = performance.now() + sliceTime
      // one request may take more than the turn has
      this.#laterFirst = !this.#laterFirst
      if (this.#laterFirst) this.#admit(this.#later, this.#first)
      else this.#admit(this.#first, this.#later)
    })
  }

  /** Lets the next request of a queue be carried out; if it is empty, that of the other. */
  #admit(queue: RoundRobin<() => void>, other: RoundRobin<() => void>): void {
    const next = queue.shift() ?? other.shift()
    if (!next) return
    next()
    if (!this.#first.empty || !this.#later.empty) this.#schedule()
  }
}
