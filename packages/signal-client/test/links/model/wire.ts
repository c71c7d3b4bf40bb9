import type { Clock } from './clock.js'
import type { Random } from './random.js'

/** One direction of a socket: what is put in comes out later, in order, until it is cut. */
export class Wire {
  #lastAt = 0
  isCut = false

  /** @param hasFaults - whether some things take seconds */
  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly hasFaults: () => boolean,
  ) {}

  carry(run: () => void): void {
    if (this.isCut) return
    const { clock, random } = this
    let delay = random.between(1, 30)
    if (this.hasFaults() && random.chance(0.05)) delay += random.between(100, 4_000)
    this.#lastAt = Math.max(clock.now + delay, this.#lastAt + 0.001)
    clock.after(this.#lastAt - clock.now, () => {
      if (!this.isCut) run()
    })
  }

  /** Nothing comes out any more. */
  cut(): void {
    this.isCut = true
  }

  /** Nothing comes out for some time. */
  stall(milliseconds: number): void {
    this.#lastAt = Math.max(this.#lastAt, this.clock.now + milliseconds)
  }
}
