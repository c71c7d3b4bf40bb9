import { Fifo } from '../fifo.js'

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
// what a turn of the event loop costs others can make 2 ms of work per turn very little: a short piece
// must not wait until each of hundreds has had as much as a Join of fifty keys needs
const firstTime = 0.2
const secondTime = 1

/**
 * Runs work in slices of 5 ms per turn of the event loop, so that no request keeps the loop from the
 * others. Work that has just come gets 0.2 ms first and up to 1 ms after that, so that a short piece
 * waits for the beginnings of others alone, and leaves half of a slice to long work. Long work goes
 * on one piece after the other, for work that was begun holds what it has found so far.
 */
export class SlicedWork {
  readonly #fresh = new Fifo<Work>()
  /** Work that 0.2 ms were not enough for. */
  readonly #begun = new Fifo<Work>()
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
    for (const queue of [this.#fresh, this.#begun, this.#long]) queue.clear()
    this.#current = undefined
    clearImmediate(this.#scheduled)
  }

  get #idle(): boolean {
    const waiting = this.#fresh.size + this.#begun.size + this.#long.size
    return this.#current === undefined && waiting === 0
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
        const first = this.#fresh.size > 0
        if ((first || this.#begun.size > 0) && (!longWaits || now < freshEnd)) {
          const work = (first ? this.#fresh : this.#begun).shift()!
          // a slice of its own for each would let many small ones wait for a few large ones
          const time = first ? firstTime : secondTime
          if (this.#advance(work, Math.min(end, now + time))) {
            ;(first ? this.#begun : this.#long).push(work)
          }
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
