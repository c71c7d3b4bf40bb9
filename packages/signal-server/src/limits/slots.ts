import { TokenBucket } from './token-bucket.js'
import { Holders, Holding, Rank, type Group } from './holders.js'

/** Which limit a newcomer met. */
export type Full = 'address' | 'all'

/**
 * A number of places, of which each client takes one. When all are taken, a newcomer gets the place
 * of another client, so that nobody can keep the others out:
 *
 * 1. Of the address that has used most of what it may have, in the network that has (an IPv6 network
 *    of 48 bits counts as one). Clients whose addresses are not known are one group, which may have
 *    everything.
 * 2. Of a connection between two requests, or of a client that is idle or waits, the oldest first,
 *    once it has had the time that a client on a slow network needs to begin. Nobody notices its
 *    end, and it comes back. A flood of sockets that do nothing takes its own places first by this.
 *    A network that has half of what one address may have, or more, gets no such time if somebody
 *    else comes.
 * 3. Of a client that others know, the oldest first, and a pipe that carries data last. This happens
 *    at a bounded rate: without one, a thousand newcomers a second would replace everybody within
 *    seconds. At the rate of a 600th of the places per second a client has ten minutes at least
 *    before that many newcomers have replaced all of those that were there before it.
 *
 * Beyond that rate a newcomer is refused. An address that has taken its part replaces only its own
 * clients by the second rule, so that a pipe of one user is not ended by another one behind the same
 * router.
 */
export class Slots {
  readonly #holders: Holders
  readonly #bucket: TokenBucket

  /**
   * @param max - places
   * @param maxPerAddress - of one address, where it is known
   * @param grace - milliseconds for which a newcomer is left alone
   */
  constructor(
    readonly max: number,
    readonly maxPerAddress: number,
    private readonly grace: number,
  ) {
    this.#holders = new Holders(max, maxPerAddress)
    this.#bucket = new TokenBucket(Math.max(1, max / 600), Math.max(16, max / 64))
  }

  get taken(): number {
    return this.#holders.sum
  }

  /**
   * Takes a place, and sheds another client where that is needed.
   * @param address - undefined where it is not known
   * @param shed - ends the client that takes the place; it has been counted out by then
   */
  take(address: string | undefined, rank: Rank, shed: () => void): Holding | Full {
    const full = this.#makeRoom(address)
    if (full) return full
    const holding = new Holding(this.#holders, address, rank, shed)
    holding.amount = 1
    return holding
  }

  /** Counts a client from now on for another address. */
  move(holding: Holding, address: string | undefined): Full | undefined {
    if (holding.address === address) return undefined
    // one that was shed already has no place to move
    if (holding.amount === 0) return 'all'
    holding.amount = 0
    const full = this.#makeRoom(address)
    holding.address = address
    holding.amount = 1
    return full
  }

  #makeRoom(address: string | undefined): Full | undefined {
    const group = this.#holders.group(address)
    if (group.sum >= group.most && address !== undefined) {
      if (!this.#shed(this.#waiting(group))) return 'address'
    } else if (this.#holders.sum >= this.max) {
      const first = this.#holders.first!
      const { network } = first
      const floods = network !== group.network && network.sum >= network.most / 2
      const waiting = this.#waiting(first, floods ? 0 : this.grace)
      if (!this.#shed(waiting ?? this.#known(first))) return 'all'
    }
    return undefined
  }

  #waiting(group: Group, grace = this.grace): Holding | undefined {
    const before = performance.now() - grace
    const begins = [group.first(Rank.idle), group.first(Rank.waiting)]
    return group.first(Rank.answered) ?? begins.find((one) => one && one.since <= before)
  }

  #known(group: Group): Holding | undefined {
    const holding = group.first(Rank.active) ?? group.first(Rank.moving)
    return holding && this.#bucket.take(1) ? holding : undefined
  }

  #shed(holding: Holding | undefined): boolean {
    if (!holding) return false
    holding.amount = 0
    holding.shed()
    return true
  }
}
