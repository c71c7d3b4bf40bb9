import type { SlicedWork, Steps } from 'signal-server'
import type { JsonClient } from './json-client.js'
import { sendingBytes, tokensFor } from './rate.js'

/** Whom news is about: of several about one peer only the last of each kind is told. */
export interface About {
  readonly id: string
  /** Whether the peer is gone. That it came again later is told as well, never instead. */
  readonly gone?: boolean
}

interface Item {
  /** Counts the news: each reader is told of them in this order. */
  readonly number: number
  readonly message: Buffer
  /** It is not told itself, and pays for it. */
  readonly cause: JsonClient | undefined
  /** What the telling has cost so far. */
  bytes: number
}

interface Reader {
  /** The number of the last news that it knows. */
  told: number
  /** Set while it is told of everybody who is there: what is new comes behind that. */
  waits: boolean
}

// a client may be so far ahead of the telling of what it has caused
const mostOfOne = 3
// beyond that no newcomer adds to it
const mostOfAll = 1_000
const together = 50
// between two rounds, in milliseconds: short for people, and long enough for a storm to calm
const restTime = 50

/**
 * Tells all readers what is new, in slices and in order. What a later item makes obsolete is not
 * told any more, so a storm of changes costs each reader a few messages.
 */
export class News {
  readonly #items = new Map<unknown, Item>()
  readonly #readers = new Map<JsonClient, Reader>()
  /** How many items there are of each client that has caused some. */
  readonly #caused = new Map<JsonClient, number>()
  readonly #waiting = new Set<() => void>()
  #number = 0
  #telling = false
  #toldAt = -Infinity

  constructor(private readonly work: SlicedWork) {}

  /** A client is to be told what is new from now on. */
  add(client: JsonClient): void {
    if (!this.#readers.has(client)) this.#readers.set(client, { told: this.#number, waits: false })
  }

  /** A client is told no more than what is new already. */
  remove(client: JsonClient): void {
    this.flush(client)
    this.#readers.delete(client)
  }

  /** Tells a reader of those who are there, and of what is new only behind that. */
  *behind(client: JsonClient, steps: Steps): Steps {
    const reader = this.#readers.get(client)
    if (!reader) return yield* steps
    reader.waits = true
    yield* steps
    reader.waits = false
    this.flush(client)
  }

  /**
   * Tells all readers.
   *
   * @param cause - the client that is not told, and pays
   * @param remoteReaders - how many more are told by other instances
   */
  tell(message: Buffer, about?: About, cause?: JsonClient, remoteReaders = 0): void {
    const key = about ? keyOf(about) : Symbol('of its own')
    this.#drop(key)
    if (about?.gone) this.#drop(keyOf({ id: about.id }))
    const bytes = remoteReaders * (message.length + sendingBytes)
    this.#items.set(key, { number: ++this.#number, message, cause, bytes })
    if (cause) this.#caused.set(cause, (this.#caused.get(cause) ?? 0) + 1)
    this.#start()
  }

  /** Tells one reader all that is new, now: it is about to hear from one of those. */
  flush(client: JsonClient): void {
    const reader = this.#readers.get(client)
    if (!reader || reader.waits || !client.open) return
    for (const steps = this.#catchUp(client, reader); !steps.next().done;);
  }

  /** What a client's next message has to wait for: that most of what it has caused was told. */
  *ready(client: JsonClient): Steps {
    const mustWait = () =>
      (this.#caused.get(client) ?? 0) > mostOfOne ||
      (this.#items.size > mostOfAll && !this.#readers.has(client))
    while (client.open && mustWait()) {
      yield new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Tells at once, or after a rest since the last time: what changes meanwhile is told once. */
  #start(): void {
    if (this.#telling) return
    this.#telling = true
    const rest = this.#toldAt + restTime - performance.now()
    if (rest > 0) setTimeout(() => this.#tellAll(), rest).unref()
    else this.#tellAll()
  }

  #tellAll(): void {
    this.#toldAt = performance.now()
    const number = this.#number
    const told = () => {
      this.#telling = false
      if (this.#number > number) this.#start()
    }
    // the readers of one app wait for each other, and not for those of others
    this.work.run(this.#round(), told, { of: this })
  }

  *#round(): Steps {
    for (const [client, reader] of this.#readers) {
      if (reader.waits || reader.told === this.#number) continue
      yield* this.#catchUp(client, reader)
      yield
    }
    let least = this.#number
    for (const { told } of this.#readers.values()) least = Math.min(least, told)
    for (const [key, { number }] of this.#items) {
      if (number > least) break
      this.#drop(key)
    }
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  *#catchUp(client: JsonClient, reader: Reader): Steps {
    while (reader.told < this.#number && client.open) {
      client.together(() => this.#tellSome(client, reader))
      yield
    }
  }

  #tellSome(client: JsonClient, reader: Reader): void {
    let count = 0
    for (const item of this.#items.values()) {
      if (item.number <= reader.told) continue
      if (count === together) return
      reader.told = item.number
      if (item.cause === client) continue
      client.sendEncoded(item.message)
      item.bytes += item.message.length + sendingBytes
      count++
    }
    reader.told = this.#number
  }

  /** Forgets an item, and lets the client that has caused it pay for what was told. */
  #drop(key: unknown): void {
    const item = this.#items.get(key)
    if (!item) return
    this.#items.delete(key)
    const { cause, bytes } = item
    if (!cause) return
    const left = this.#caused.get(cause)! - 1
    if (left > 0) this.#caused.set(cause, left)
    else this.#caused.delete(cause)
    cause.charge(tokensFor(bytes))
  }
}

const keyOf = ({ id, gone = false }: About) => `${gone ? '-' : '+'}${id}`
