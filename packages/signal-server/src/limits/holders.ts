import { Heap, type Placed } from './heap.js'

/** What a holder does: a holder of a lower rank is shed before one of a higher rank. */
export const Rank = {
  /** A connection between two requests: its client has what it asked for. */
  answered: 0,
  /** A connection that has not asked for anything yet. */
  idle: 1,
  /** Nobody else would notice its end: a handshake, a session without keys, a client without an id. */
  waiting: 2,
  /** Others know it: a session with keys, a client with an id, a pipe in which nothing moves. */
  active: 3,
  /** A pipe that carries data. */
  moving: 4,
} as const

export type Rank = (typeof Rank)[keyof typeof Rank]

const ranks = Object.values(Rank)

/** The holders with one address, or all whose addresses are not known. */
export class Group {
  sum = 0
  readonly inAll = new Entry(this)
  readonly inNetwork = new Entry(this)
  readonly #byRank: Heap<Holding>[]

  /** @param most - the part of the limit that this group may have */
  constructor(
    readonly address: string | undefined,
    readonly most: number,
    readonly network: Network,
  ) {
    this.#byRank = ranks.map(() => new Heap<Holding>(precedes))
  }

  /** The largest holder of a rank, and the oldest of several that are as large. */
  first(rank: Rank): Holding | undefined {
    return this.#byRank[rank]!.first
  }

  ofRank(rank: Rank): Heap<Holding> {
    return this.#byRank[rank]!
  }
}

/** The place of a group in a heap. */
class Entry implements Placed {
  place = -1
  constructor(readonly group: Group) {}
}

const used = ({ sum, most }: { sum: number; most: number }) => sum / most
const byUse = () => new Heap<Entry>((one, other) => used(one.group) > used(other.group))

/** The groups whose addresses may all be one client's. */
class Network implements Placed {
  place = -1
  sum = 0
  readonly groups = byUse()

  /** @param most - what each of its groups may have */
  constructor(
    readonly name: string,
    readonly most: number,
  ) {}
}

/**
 * An IPv4 address, or the 48 bits of an IPv6 address of which one customer of a provider gets no more
 * than one network (RFC 6177 section 2).
 */
const networkOf = (address: string): string => address.split(':', 3).join(':')

/** How much of a limit one client has. */
export class Holding implements Placed {
  place = -1
  /** When it came, or came to its rank, in milliseconds on the clock of `performance.now()`. */
  since = performance.now()
  readonly #holders: Holders
  #address: string | undefined
  /** Set while it has something. */
  #group: Group | undefined
  #rank: Rank
  #amount = 0

  constructor(
    holders: Holders,
    address: string | undefined,
    rank: Rank,
    /** Ends the client, to make room for others. */
    public shed: () => void,
  ) {
    this.#holders = holders
    this.#address = address
    this.#rank = rank
  }

  /** What the limits per address count it as; undefined where that is not known. */
  get address(): string | undefined {
    return this.#address
  }

  set address(address: string | undefined) {
    const { amount } = this
    this.amount = 0
    this.#address = address
    this.amount = amount
  }

  get amount(): number {
    return this.#amount
  }

  /** Sets how much it has; 0 gives everything back. */
  set amount(amount: number) {
    const more = amount - this.#amount
    if (more === 0) return
    const group = (this.#group ??= this.#holders.group(this.#address))
    const heap = group.ofRank(this.#rank)
    const before = this.#amount
    this.#amount = amount
    if (before === 0) heap.add(this)
    else if (amount === 0) heap.remove(this)
    else heap.changed(this)
    if (amount === 0) this.#group = undefined
    this.#holders.add(group, more)
  }

  get rank(): Rank {
    return this.#rank
  }

  /** Sets what it does from now on; the oldest of a rank is the one that has had it longest. */
  set rank(rank: Rank) {
    if (rank === this.#rank) return
    this.#group?.ofRank(this.#rank).remove(this)
    this.#rank = rank
    this.since = performance.now()
    this.#group?.ofRank(rank).add(this)
  }
}

/** Who has how much of something limited, by address and by holder. */
export class Holders {
  sum = 0
  readonly #unknown: Group
  readonly #known = new Map<string, Group>()
  readonly #networks = new Map<string, Network>()
  readonly #byAddress = byUse()
  readonly #byNetwork = new Heap<Network>((one, other) => used(one) > used(other))

  /**
   * @param max - what all may have together
   * @param maxPerAddress - what one address may have, where it is known
   */
  constructor(
    readonly max: number,
    readonly maxPerAddress: number,
  ) {
    this.#unknown = new Group(undefined, max, new Network('', max))
  }

  /** The group of an address; undefined where the address is not known. */
  group(address: string | undefined): Group {
    if (address === undefined) return this.#unknown
    return this.#known.get(address) ?? this.#newGroup(address)
  }

  /** The group that has used most of what it may have. */
  get fullest(): Group | undefined {
    return this.#byAddress.first?.group
  }

  /**
   * The group that gives way to the others first: the fullest of the network that has used most, so
   * that a client with many addresses gives way before one address of many clients.
   */
  get first(): Group | undefined {
    return this.#byNetwork.first?.groups.first?.group
  }

  add(group: Group, more: number): void {
    const { address, network } = group
    this.sum += more
    group.sum += more
    network.sum += more
    this.#byAddress.keep(group.inAll, group.sum > 0)
    network.groups.keep(group.inNetwork, group.sum > 0)
    this.#byNetwork.keep(network, network.sum > 0)
    if (address === undefined) return
    // an address that has nothing any more leaves nothing behind
    keep(this.#known, address, group)
    keep(this.#networks, network.name, network)
  }

  #newGroup(address: string): Group {
    const name = networkOf(address)
    const network = this.#networks.get(name) ?? new Network(name, this.maxPerAddress)
    return new Group(address, this.maxPerAddress, network)
  }
}

function keep<T extends { sum: number }>(all: Map<string, T>, name: string, one: T): void {
  if (one.sum > 0) all.set(name, one)
  else all.delete(name)
}

function precedes(one: Holding, other: Holding): boolean {
  return one.amount === other.amount ? one.since < other.since : one.amount > other.amount
}
