import type { Bus } from 'signal-server'
import { decode, type Signed } from '../../src/cluster/wire.js'

type Handler = (message: Buffer) => void

/**
 * A bus for tests. It has a member for each server, which can be cut off by itself; it counts, and
 * delays or loses what the test wants. Order is kept from one member to another, as the contract
 * says, and nowhere else.
 */
export class TestBus {
  readonly #members: Member[] = []
  /** Messages that were published, by type. */
  readonly published = new Map<string, number>()
  /** Milliseconds that a message takes. */
  delay: (message: Signed) => number = () => 0
  /** Whether a message gets lost. */
  loses: (message: Signed) => boolean = () => false

  member(): Member {
    const member = new Member((topic, message) => this.#carry(member, topic, message))
    this.#members.push(member)
    return member
  }

  /** How many messages of a type were published. */
  count(type: Signed['t']): number {
    return this.published.get(type) ?? 0
  }

  #carry(from: Member, topic: string, bytes: Uint8Array): void {
    const message = decode(Buffer.from(bytes))
    if (message) this.published.set(message.t, this.count(message.t) + 1)
    if (message && this.loses(message)) return
    for (const to of this.#members) {
      from.link(to).carry(topic, bytes, message ? this.delay(message) : 0)
    }
  }
}

/** What one server has of the bus. */
export class Member implements Bus {
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #listeners = new Set<(up: boolean) => void>()
  readonly #links = new Map<Member, Link>()
  #up = true
  /** What it publishes is lost, and it does not know. */
  mute = false
  /** What is published is not heard here, and nobody knows. */
  deaf = false
  /** Milliseconds until a subscription is acknowledged; messages are heard from then on. */
  subscribeTime = 0

  constructor(private readonly carry: (topic: string, message: Uint8Array) => void) {}

  get up(): boolean {
    return this.#up
  }

  /** Cuts it off, or mends that, as it is seen to be. */
  set up(up: boolean) {
    if (up === this.#up) return
    this.#up = up
    for (const listener of [...this.#listeners]) listener(up)
  }

  publish(topic: string, message: Uint8Array): void {
    if (this.#up && !this.mute) this.carry(topic, message)
  }

  async subscribe(topic: string, handler: Handler): Promise<() => void> {
    if (this.subscribeTime > 0) {
      await new Promise((resolve) => setTimeout(resolve, this.subscribeTime))
    }
    const own: Handler = (message) => handler(message)
    this.#handlers.set(topic, (this.#handlers.get(topic) ?? new Set()).add(own))
    const unsubscribe = () => {
      const handlers = this.#handlers.get(topic)
      if (handlers?.delete(own) && handlers.size === 0) this.#handlers.delete(topic)
    }
    return unsubscribe
  }

  watch(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Topics that are heard. */
  get topics(): number {
    return this.#handlers.size
  }

  link(to: Member): Link {
    let link = this.#links.get(to)
    if (!link) this.#links.set(to, (link = new Link(to)))
    return link
  }

  hear(topic: string, message: Uint8Array): void {
    if (!this.#up || this.deaf) return
    const handlers = this.#handlers.get(topic)
    if (!handlers) return
    const copy = Buffer.from(message)
    for (const handler of [...handlers]) handler(copy)
  }
}

/** The way from one member to another. */
class Link {
  #lastDue = 0
  readonly #queue: { topic: string; message: Buffer; due: number }[] = []
  #scheduled = false

  constructor(private readonly to: Member) {}

  carry(topic: string, message: Uint8Array, delay: number): void {
    this.#lastDue = Math.max(this.#lastDue, performance.now() + delay)
    this.#queue.push({ topic, message: Buffer.from(message), due: this.#lastDue })
    this.#schedule()
  }

  #schedule(): void {
    const first = this.#queue[0]
    if (this.#scheduled || !first) return
    this.#scheduled = true
    const wait = first.due - performance.now()
    const pass = () => {
      this.#scheduled = false
      for (let next; (next = this.#queue[0]) && next.due <= performance.now();) {
        this.#queue.shift()
        this.to.hear(next.topic, next.message)
      }
      this.#schedule()
    }
    if (wait > 0) setTimeout(pass, wait)
    else setImmediate(pass)
  }
}
