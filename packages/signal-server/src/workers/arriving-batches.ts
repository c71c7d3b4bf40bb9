import { Fifo } from '../fifo.js'
import { operationsOf, type Batch, type Operation } from './operations.js'

// of each turn of the event loop; the rest is for sockets
const sliceTime = 5

interface Arriving<From> {
  readonly from: From
  readonly operations: Iterator<Operation, void>
}

/** What is done with batches that other processes send. */
export interface BatchHandler<From> {
  carryOut(from: From, operation: Operation): void
  /** A batch has been carried out. */
  done(from: From): void
  /** Whether the next one has to wait; {@link ArrivingBatches.resume} goes on. */
  mustWait?(): boolean
}

/**
 * Carries out batches of other processes in the order in which they have come, in slices of 5 ms per
 * turn of the event loop.
 */
export class ArrivingBatches<From> {
  readonly #waiting = new Fifo<Arriving<From>>()
  #scheduled = false
  #spent = 0
  #running = false

  constructor(private readonly handler: BatchHandler<From>) {}

  add(from: From, batch: Batch): void {
    this.#waiting.push({ from, operations: operationsOf(batch) })
    this.resume()
  }

  /** Goes on, if this turn of the event loop has time left. */
  resume(): void {
    if (!this.#running && this.#spent < sliceTime) this.#slice()
  }

  #slice(): void {
    const start = performance.now()
    const end = start + sliceTime - this.#spent
    this.#running = true
    try {
      let now = start
      while (now < end && this.#waiting.size > 0 && !this.handler.mustWait?.()) {
        this.#advance(this.#waiting.first!, end)
        now = performance.now()
      }
    } finally {
      this.#running = false
      this.#spent += performance.now() - start
      // what was spent counts until the event loop has come round
      if (!this.#scheduled) setImmediate(() => this.#nextTurn())
      this.#scheduled = true
    }
  }

  #advance({ from, operations }: Arriving<From>, end: number): void {
    do {
      const next = operations.next()
      if (next.done) {
        this.#waiting.shift()
        return this.handler.done(from)
      }
      this.handler.carryOut(from, next.value)
    } while (performance.now() < end)
  }

  #nextTurn(): void {
    this.#scheduled = false
    this.#spent = 0
    if (this.#waiting.size > 0) this.#slice()
  }
}
