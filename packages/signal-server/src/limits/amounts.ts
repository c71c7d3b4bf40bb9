import { Holders, Holding, Rank, type Group } from './holders.js'

/**
 * Something of which clients have different amounts, such as keys or bytes. When there is not
 * enough, the client that has most loses all it has, and the oldest of several that have as much.
 */
export class Amounts {
  readonly #holders: Holders

  /**
   * @param max - what all may have together
   * @param maxPerAddress - what one address may have, where it is known
   */
  constructor(
    readonly max: number,
    readonly maxPerAddress: number,
  ) {
    this.#holders = new Holders(max, maxPerAddress)
  }

  get sum(): number {
    return this.#holders.sum
  }

  /**
   * Counts a client, which has nothing at first.
   * @param shed - ends it; whatever it had has been given back by then
   */
  enter(address: string | undefined, shed: () => void): Holding {
    return new Holding(this.#holders, address, Rank.active, shed)
  }

  /**
   * Makes room for what a client wants to have in addition, and sheds others where that is needed.
   * @returns false where there is no room: with it the client would have more than any other one
   */
  makeRoom(holding: Holding, more: number): boolean {
    const wanted = holding.amount + more
    for (;;) {
      const own = this.#holders.group(holding.address)
      const ownIsFull = own.sum + more > own.most
      if (!ownIsFull && this.sum + more <= this.max) return true
      const largest = (ownIsFull ? own : this.#holders.first)?.first(Rank.active)
      if (!largest || largest === holding || largest.amount < wanted) return false
      this.#shed(largest)
    }
  }

  /**
   * Sheds those that have most.
   * @param part - of the limit, and of what an address may have, that may be used afterwards
   */
  relieve(part: number): void {
    while (!this.within(part)) {
      const { first, fullest } = this.#holders
      const isFull = fullest && fullest.sum > fullest.most * part
      const largest = (isFull ? fullest : first)?.first(Rank.active)
      if (!largest) return
      this.#shed(largest)
    }
  }

  /** The group that has used most of what it may have. */
  get fullest(): Group | undefined {
    return this.#holders.fullest
  }

  /** Whether no more than a part is used, in all and by the group of an address. */
  fits(address: string | undefined, part: number): boolean {
    const { sum, most } = this.#holders.group(address)
    return this.sum <= this.max * part && sum <= most * part
  }

  /** Whether more is used than allowed, in all or by one address. */
  get over(): boolean {
    return !this.within(1)
  }

  /** Whether no more is used than a part of the limit, and of what an address may have. */
  within(part: number): boolean {
    const { fullest, sum } = this.#holders
    return sum <= this.max * part && (!fullest || fullest.sum <= fullest.most * part)
  }

  #shed(holding: Holding): void {
    holding.amount = 0
    holding.shed()
  }
}
