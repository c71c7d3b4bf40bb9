import { Fifo } from 'signal-server'

const sliceTime = 5

/**
 * Shares the turns of the event loop among what clients of rooms ask for: 5 ms of each turn, one
 * request after the other in the order in which they came. A request that waits for other instances
 * keeps nobody waiting.
 */
export class Turns {
  readonly #waiting = new Fifo<() => void>()
  #scheduled: NodeJS.Immediate | undefined
  #until = 0
  #closed = false

  /** Carries a request out when it is its turn; `act` must not reject. */
  async run(act: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
    if (this.#closed) return
    await act()
    // what did not wait for anything is done within its turn, which may have time left
    if (performance.now() < this.#until) this.#admit()
  }

  /** Lets go of all that wait, and carries out nothing more. */
  close(): void {
    this.#closed = true
    clearImmediate(this.#scheduled)
    for (let resolve; (resolve = this.#waiting.shift());) resolve()
  }

  #schedule(): void {
    if (this.#closed || this.#scheduled) return
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined
      this.#until = performance.now() + sliceTime
      this.#admit()
    })
  }

  #admit(): void {
    const next = this.#waiting.shift()
    if (!next) return
    next()
    if (this.#waiting.size > 0) this.#schedule()
  }
}
