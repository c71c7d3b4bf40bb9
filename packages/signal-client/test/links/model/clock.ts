interface Entry {
  readonly time: number
  readonly order: number
  run: (() => void) | undefined
}

// a schedule has some thousand events: far more are two ends that answer each other for ever
const mostEvents = 200_000

/** Simulated time: what is due runs in order, and nothing waits. */
export class Clock {
  now = 0
  #order = 0
  #events = 0
  readonly #heap: Entry[] = []
  #soon: (() => void)[] = []

  /** @returns what takes it back */
  after(milliseconds: number, run: () => void): () => void {
    const entry: Entry = { time: this.now + milliseconds, order: this.#order++, run }
    this.#push(entry)
    return () => (entry.run = undefined)
  }

  /** Runs something at the end of this turn. */
  soon(run: () => void): void {
    this.#soon.push(run)
  }

  /** Runs everything that is due until a time. */
  runUntil(time: number): void {
    for (;;) {
      this.#endTurn()
      const next = this.#heap[0]
      if (!next || next.time > time) break
      this.#pop()
      if (!next.run) continue
      if (++this.#events > mostEvents) throw new Error('Two ends answer each other for ever.')
      this.now = next.time
      next.run()
    }
    this.now = time
  }

  #endTurn(): void {
    while (this.#soon.length > 0) {
      const due = this.#soon
      this.#soon = []
      for (const run of due) run()
    }
  }

  #push(entry: Entry): void {
    let at = this.#heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(this.#heap[parent]!, entry)) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = entry
  }

  #pop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#heap.length) break
      const right = this.#heap[child + 1]
      if (right && isBefore(right, this.#heap[child]!)) child++
      if (isBefore(last, this.#heap[child]!)) break
      this.#heap[at] = this.#heap[child]!
      at = child
    }
    this.#heap[at] = last
  }
}

const isBefore = (a: Entry, b: Entry) => a.time < b.time || (a.time === b.time && a.order < b.order)
