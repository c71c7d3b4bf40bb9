import { Fifo } from './fifo.js'

/**
 * Work in small steps of some microseconds. It yields nothing after each step; or a promise, if the
 * next step has to wait for it.
 */
export type Steps = Generator<void | Promise<void>, void, void>

interface Work {
  readonly steps: Steps
  readonly done: () => void
}

const sliceTime = 5
const freshTime = 1

/**
 * Runs work in slices of 5 ms per turn of the event loop, so that no request keeps the loop from the
 * others. Work that has just come begins before long work goes on, and leaves half of a slice to
 * it. Long work goes on one piece after the other, for work that was begun holds what it has found
 * so far.
 */
export class SlicedWork {
  readonly #fresh = new Fifo<Work>()
  readonly #long = new Fifo<Work>()
  #current: Work | undefined
  #scheduled: NodeJS.Immediate | undefined
  #spent = 0
  #running = false
  #closed = false

  /** Runs the steps, then calls `done`: at once, if this turn of the event loop has time left. */
  run(steps: Steps, done: () => void = () => {}): void {
    if (this.#closed) return
    this.#fresh.push({ steps, done })
    if (!this.#running && this.#spent < sliceTime) this.#slice()
  }

  /** Forgets all work, and takes no more. */
  close(): void {
    this.#closed = true
    this.#fresh.clear()
    this.#long.clear()
    this.#current = undefined
    clearImmediate(this.#scheduled)
  }

  get #idle(): boolean {
    return this.#current === undefined && this.#fresh.size === 0 && this.#long.size === 0
  }

  #slice(): void {
    const start = performance.now()
    const end = start + sliceTime - this.#spent
    const freshEnd = start + (sliceTime - this.#spent) / 2
    this.#running = true
    try {
      let now = start
      while (now < end && !this.#idle) {
        const longWaits = this.#current !== undefined || this.#long.size > 0
        const fresh = longWaits && now >= freshEnd ? undefined : this.#fresh.shift()
        if (fresh) {
          // a slice of its own for each would let many small ones wait for a few large ones
          if (this.#advance(fresh, Math.min(end, now + freshTime))) this.#long.push(fresh)
        } else {
          this.#current ??= this.#long.shift()!
          if (!this.#advance(this.#current, end)) this.#current = undefined
        }
        now = performance.now()
      }
    } finally {
      this.#running = false
      this.#spent += performance.now() - start
      // what was spent counts until the event loop has come round
      if (!this.#closed) this.#scheduled ??= setImmediate(() => this.#nextTurn())
    }
  }

  #nextTurn(): void {
    this.#scheduled = undefined
    this.#spent = 0
    if (!this.#idle) this.#slice()
  }

  /** @returns whether there is more to do, now */
  #advance({ steps, done }: Work, end: number): boolean {
    for (;;) {
      const step = steps.next()
      if (step.done) {
        done()
        return false
      }
      if (step.value instanceof Promise) {
        void step.value.then(() => {
          if (this.#closed) return
          this.#long.push({ steps, done })
          this.#scheduled ??= setImmediate(() => this.#nextTurn())
        })
        return false
      }
      if (performance.now() >= end) return true
    }
  }
}
