import type { BusMessage } from './wire.js'

/** Publishes one thing that an instance has. */
export type Tell = () => void

// what is published before it is looked whether the bus keeps up
const sliceItems = 500
const sliceTime = 5
// the bus never loses an echo while it is up; should it, the rest is told all the same
const echoTime = 2_000

/**
 * Tells the other instances anew what this one has, as after an outage: piece by piece, each when
 * the one before has gone through the bus, so that neither the event loop nor the bus is flooded.
 */
export class Retelling {
  #items: Iterator<Tell, void> | undefined
  #n = 0
  #round = 0
  #timer: NodeJS.Timeout | undefined

  /**
   * @param sources - of everything that is to be told
   * @param toAll - sends to all instances
   * @param toItself - sends to this instance, through the bus
   */
  constructor(
    private readonly sources: readonly (() => Iterable<Tell>)[],
    private readonly toAll: (message: BusMessage) => void,
    private readonly toItself: (message: BusMessage) => void,
  ) {}

  /** How often it was begun: an answer to an earlier time may lack what came since. */
  get round(): number {
    return this.#round
  }

  /** Begins, or begins again. */
  start(): void {
    this.stop()
    this.#round++
    this.toAll({ t: 'anew' })
    this.#items = everything(this.sources)
    this.#next()
  }

  /** An echo of this instance has come. */
  heard(n: number): void {
    if (n === this.#n) this.#next()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#items = undefined
  }

  #next(): void {
    clearTimeout(this.#timer)
    const items = this.#items
    if (!items) return
    const end = performance.now() + sliceTime
    for (let i = 0; i < sliceItems && performance.now() < end; i++) {
      const item = items.next()
      if (item.done) {
        this.#items = undefined
        return this.toAll({ t: 'told', round: this.#round })
      }
      item.value()
    }
    this.#timer = setTimeout(() => this.#next(), echoTime)
    this.toItself({ t: 'echo', n: ++this.#n })
  }
}

function* everything(sources: readonly (() => Iterable<Tell>)[]): Generator<Tell, void> {
  for (const source of sources) yield* source()
}
