/** Work in small steps; a promise that it yields is waited for before the next one. */
export type Steps = Generator<void | Promise<void>, void, void>

const sliceTime = 5
const stepsBetweenLooksAtTheClock = 64

/**
 * Runs long work in slices, round robin, so that no request keeps the event loop from the others.
 * Short work is done at once.
 */
export class SlicedWork {
  #queue: { steps: Steps; done: () => void }[] = []
  #scheduled: NodeJS.Immediate | undefined
  #spent = 0

  /** Runs the steps, then calls `done`; both at once where that is a matter of a few milliseconds. */
  run(steps: Steps, done: () => void): void {
    this.#queue.push({ steps, done })
    if (this.#spent < sliceTime) this.#slice()
  }

  /** Forgets all work. */
  close(): void {
    this.#queue = []
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
  }

  #slice(): void {
    const start = performance.now() - this.#spent
    while (this.#queue.length > 0 && this.#spent < sliceTime) {
      this.#advance(this.#queue.shift()!)
      this.#spent = performance.now() - start
    }
    // what was spent counts until the event loop has come round
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined
      this.#spent = 0
      if (this.#queue.length > 0) this.#slice()
    })
  }

  #advance(work: { steps: Steps; done: () => void }): void {
    for (let i = 0; i < stepsBetweenLooksAtTheClock; i++) {
      const { done, value } = work.steps.next()
      if (done) return work.done()
      if (value) {
        void value.then(() => this.run(work.steps, work.done))
        return
      }
    }
    this.#queue.push(work)
  }
}
