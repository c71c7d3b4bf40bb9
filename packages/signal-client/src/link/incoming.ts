import type { Frame } from './frames.js'
import { FRAME_COST } from './send-queue.js'
import type { VarintReader } from './varint.js'
import { Violation } from './violation.js'

/** How far the numbered frames have come on one transport. */
export interface Arrival {
  /** The number of the next frame there; undefined before the first `from`. */
  counted: number | undefined
}

/** Receives the frames of the peer, and hands over each once, in the order of the numbers. */
export class Incoming {
  /** The next number that is expected. */
  expected = 0
  readonly #early = new Map<number, Frame>()
  #earlyCost = 0

  /** @param most - how much of what comes too early is kept, in bytes with the cost of frames */
  constructor(private readonly most: number) {}

  /** Takes the payload of a `from`. */
  from(arrival: Arrival, reader: VarintReader): void {
    arrival.counted = reader.next()
  }

  /**
   * Takes a numbered frame, and hands over the frames whose turn has come with it.
   * @returns whether it was expected, or comes before its turn; otherwise it has come before
   * @throws Violation if it has no number, or too many have come before their turn
   */
  take(arrival: Arrival, frame: Frame, deliver: (frame: Frame) => void): boolean {
    if (arrival.counted === undefined) throw new Violation('a frame without a number')
    const number = arrival.counted++
    if (number < this.expected) return false
    if (number > this.expected) return this.#keep(number, frame)
    this.expected++
    deliver(frame)
    for (let next; (next = this.#early.get(this.expected));) {
      this.#early.delete(this.expected)
      this.#earlyCost -= next.payload.length + FRAME_COST
      this.expected++
      deliver(next)
    }
    return true
  }

  #keep(number: number, { channel, kind, payload }: Frame): boolean {
    if (this.#early.has(number)) return false
    this.#earlyCost += payload.length + FRAME_COST
    if (this.#earlyCost > this.most) throw new Violation('too much that comes before its turn')
    // a view would keep the whole record
    this.#early.set(number, { channel, kind, payload: payload.slice() })
    return true
  }
}
