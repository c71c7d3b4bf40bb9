import { v4 as uuid } from 'uuid'
import { log } from '../log.js'
import type { Bus } from './bus.js'
import { topics } from './topics.js'
import { decode, encode, type BusMessage, type Signed } from './wire.js'

const aliveInterval = 2_000
const deadAfter = 9_000

type Kind = BusMessage['t']
type Handler<K extends Kind> = (message: Signed<Extract<BusMessage, { t: K }>>) => void

/**
 * This instance among the others: sends and receives their messages, and knows who lives. An
 * instance that was silent for 9 s is dead to us, and what it had is gone; should it speak again,
 * it starts anew.
 */
export class Instances {
  /** Of this instance; new with every start. */
  readonly id = uuid()
  /** Resolves when this instance can be reached: what it publishes before nobody could answer. */
  readonly ready: Promise<void>

  readonly #handlers = new Map<string, ((message: Signed) => void)[]>()
  readonly #lastAlive = new Map<string, number>()
  readonly #deathWatchers: ((instance: string) => void)[] = []
  readonly #returnWatchers: (() => void)[] = []
  readonly #unsubscribes: (() => void)[] = []
  readonly #unwatch: () => void
  readonly #timer: NodeJS.Timeout
  #upSince = Date.now()
  #lastTick = Date.now()
  #closed = false

  constructor(readonly bus: Bus) {
    const receive = (bytes: Buffer) => this.#receive(bytes)
    this.ready = Promise.all(
      [topics.all, topics.instance(this.id)].map((topic) => bus.subscribe(topic, receive)),
    ).then((unsubscribes) => {
      this.#unsubscribes.push(...unsubscribes)
      if (this.#closed) this.#unsubscribe()
      else this.#tellAlive()
    })
    this.#unwatch = bus.watch((up) => this.#changed(up))
    this.#timer = setInterval(() => this.#tick(), aliveInterval)
    this.#timer.unref()
  }

  /** Calls back for every message of a kind that another instance sends. */
  on<K extends Kind>(kind: K, handler: Handler<K>): void {
    const handlers = this.#handlers.get(kind) ?? []
    handlers.push(handler as (message: Signed) => void)
    this.#handlers.set(kind, handlers)
  }

  /** Calls back when an instance has died, or said goodbye. */
  onDeath(watcher: (instance: string) => void): void {
    this.#deathWatchers.push(watcher)
  }

  /** Calls back when messages may have been missed and everything must be told anew. */
  onReturn(watcher: () => void): void {
    this.#returnWatchers.push(watcher)
  }

  /** Sends to one instance. */
  send(instance: string, message: BusMessage): void {
    this.publish(topics.instance(instance), message)
  }

  publish(topic: string, message: BusMessage): void {
    this.bus.publish(topic, encode({ ...message, instance: this.id }))
  }

  /** Hears a topic; its messages go where all others go. */
  subscribe(topic: string): Promise<() => void> {
    return this.bus.subscribe(topic, (bytes) => this.#receive(bytes))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#unwatch()
    this.publish(topics.all, { t: 'bye' })
    this.#unsubscribe()
  }

  #receive(bytes: Buffer): void {
    const message = decode(bytes)
    if (!message || message.instance === this.id || this.#closed) return
    if (message.t === 'bye') return this.#died(message.instance)
    if (!this.#lastAlive.has(message.instance)) log.bus('instance %s is there', message.instance)
    this.#lastAlive.set(message.instance, Date.now())
    for (const handler of this.#handlers.get(message.t) ?? []) {
      try {
        handler(message)
      } catch (error) {
        // of another version, or malformed: it must not end this instance
        log.bus('a message of %s was not understood: %s', message.instance, error)
      }
    }
  }

  #tick(): void {
    const now = Date.now()
    const frozen = now - this.#lastTick > deadAfter
    this.#lastTick = now
    this.#tellAlive()
    if (frozen) {
      log.bus('this instance stood still: it starts anew')
      return this.#changed(this.bus.up)
    }
    if (!this.bus.up || now - this.#upSince < deadAfter) return
    for (const [instance, lastAlive] of this.#lastAlive) {
      if (now - lastAlive > deadAfter) this.#died(instance)
    }
  }

  #changed(up: boolean): void {
    log.bus('the bus is %s', up ? 'up' : 'down')
    if (!up || this.#closed) return
    // silence during the outage says nothing
    this.#upSince = Date.now()
    this.#tellAlive()
    for (const watcher of this.#returnWatchers) watcher()
  }

  #died(instance: string): void {
    if (!this.#lastAlive.delete(instance)) return
    log.bus('instance %s is gone', instance)
    for (const watcher of this.#deathWatchers) watcher(instance)
  }

  #tellAlive(): void {
    this.publish(topics.all, { t: 'alive' })
  }

  #unsubscribe(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe()
  }
}
