import type { Channel, Ending } from '../../src/link/channel.js'
import type { App, Dialled, Outside, Transport } from '../../src/link/host.js'
import { Links, type LinksOptions } from '../../src/link/links.js'
import { Clock } from './model/clock.js'
import { Random } from './model/random.js'

/** How long a record is on its way, in milliseconds. */
const delay = 10

/** A record as it went over a transport. */
export interface Sent {
  readonly at: number
  readonly from: string
  readonly transport: number
  readonly record: Uint8Array
}

/** One end of a {@link Pair}: the machine, and what its app was told. */
class PairEnd implements Outside, App {
  readonly links: Links
  readonly channels = new Map<string, Channel>()
  readonly messages: (string | Uint8Array)[] = []
  readonly endings: Ending[] = []
  readonly failures: string[] = []
  /** The dial that waits for its pair, with the hello. */
  waiting: { dialled: Dialled; hello: string; end: JoinedTransport } | undefined
  reads = true
  readonly unread: (() => void)[] = []
  readonly #random: Random

  constructor(
    readonly id: string,
    private readonly pair: Pair,
    seed: number,
    options: LinksOptions = {},
  ) {
    this.#random = new Random(seed)
    this.links = new Links(options, this, this)
  }

  now(): number {
    return this.pair.clock.now
  }

  after(milliseconds: number, run: () => void): () => void {
    return this.pair.clock.after(milliseconds, run)
  }

  soon(run: () => void): void {
    this.pair.clock.soon(run)
  }

  random(): number {
    return this.#random.next()
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#random.below(256))
  }

  isSlow(): boolean {
    return false
  }

  dial(_id: string, _key: string, hello: string, dialled: Dialled): Transport {
    const end = new JoinedTransport(this, this.pair, dialled)
    this.waiting = { dialled, hello, end }
    this.pair.match()
    return end
  }

  opened(channel: Channel): void {
    this.channels.set(channel.key, channel)
  }

  message(channel: Channel, data: string | Uint8Array, cost: number): void {
    this.messages.push(data)
    if (this.reads) channel.consumed(cost)
    else this.unread.push(() => channel.consumed(cost))
  }

  closed(channel: Channel, ending: Ending): void {
    if (this.channels.get(channel.key) === channel) this.channels.delete(channel.key)
    this.endings.push(ending)
  }

  raw(): Dialled {
    throw new Error('A pair has no raw pipes.')
  }

  failed(_id: string, code: string): void {
    this.failures.push(code)
  }
}

/** One side of a transport between the two ends. */
class JoinedTransport implements Transport {
  other: JoinedTransport | undefined
  number = 0
  /** Carries nothing any more, without a word. */
  isMute = false
  isOver = false

  constructor(
    private readonly owner: PairEnd,
    private readonly pair: Pair,
    readonly dialled: Dialled,
  ) {}

  send(record: Uint8Array): void {
    const { owner, other, pair } = this
    pair.sent.push({ at: pair.clock.now, from: owner.id, transport: this.number, record })
    pair.clock.after(delay, () => {
      if (other && !other.isOver && !this.isMute) other.dialled.received(record)
    })
  }

  close(code: number): void {
    if (this.isOver) return
    this.isOver = true
    const { other, pair } = this
    pair.clock.after(delay, () => other?.end(code))
  }

  /** The socket has ended. */
  end(code: number): void {
    if (this.isOver) return
    this.isOver = true
    this.dialled.ended(code)
  }
}

/** Two ends that want the same keys, joined without a server. */
export class Pair {
  readonly clock = new Clock()
  readonly sent: Sent[] = []
  readonly a: PairEnd
  readonly b: PairEnd
  readonly transports: [JoinedTransport, JoinedTransport][] = []
  /** Those with which the transports were paired. */
  readonly hellos: { A: string; B: string }[] = []

  constructor(keys: readonly string[], options: LinksOptions = {}) {
    this.a = new PairEnd('A', this, 1, options)
    this.b = new PairEnd('B', this, 2, options)
    for (const end of [this.a, this.b]) {
      end.links.welcome()
      for (const key of keys) end.links.join(key)
    }
    this.introduce(keys)
  }

  introduce(keys: readonly string[]): void {
    this.a.links.introduced('B', keys, this.b.links.session)
    this.b.links.introduced('A', keys, this.a.links.session)
  }

  /** Pairs two dials that wait, as a server would. */
  match(): void {
    const [one, other] = [this.a.waiting, this.b.waiting]
    if (!one || !other) return
    this.a.waiting = this.b.waiting = undefined
    one.end.other = other.end
    other.end.other = one.end
    one.end.number = other.end.number = this.transports.push([one.end, other.end])
    this.hellos.push({ A: one.hello, B: other.hello })
    this.clock.after(delay, () => {
      if (!one.end.isOver) one.dialled.paired(other.hello)
      if (!other.end.isOver) other.dialled.paired(one.hello)
    })
  }

  /** The last transport dies, and both ends are told. */
  cut(): void {
    for (const side of this.transports.at(-1)!) {
      side.isMute = true
      side.end(1006)
    }
  }

  /** Lets time pass, in milliseconds. */
  run(milliseconds: number): void {
    this.clock.runUntil(this.clock.now + milliseconds)
  }
}
