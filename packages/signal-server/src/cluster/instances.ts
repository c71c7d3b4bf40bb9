import { setTimeout as delay } from 'node:timers/promises'
import { v4 as uuid } from 'uuid'
import { log } from '../log.js'
import type { Bus } from '../bus/bus.js'
import { Retelling, type Tell } from './retelling.js'
import { topics } from './topics.js'
import { decode, encode, messagesOf, type BusMessage, type Signed } from './wire.js'

const aliveInterval = 2_000
const deadAfter = 9_000
// how long it is remembered that one was taken for dead
const mourning = 600_000
// one that comes and goes must not make this one tell everything all the time
const retellInterval = 5_000
// one that is there answers a new instance at once, unless its event loop is busy for so long
const settleTime = 1_000

type Kind = BusMessage['t']
type Handler<K extends Kind> = (message: Signed<Extract<BusMessage, { t: K }>>) => void

/**
 * This instance among the others: sends and receives their messages, and knows who lives. An
 * instance that was silent for 9 s is dead to us, and what it had is gone; should it speak again,
 * both tell each other anew what they have.
 */
export class Instances {
  /** Of this instance; new with every start. */
  readonly id = uuid()
  readonly #isOwn = messagesOf(this.id)
  /** Resolves when this instance can be reached: what it publishes before nobody could answer. */
  readonly ready: Promise<void>

  readonly #handlers = new Map<string, ((message: Signed) => void)[]>()
  /** When each of the others was last heard; on this process's own clock, as all times here. */
  readonly #lastAlive = new Map<string, number>()
  readonly #takenForDead = new Map<string, number>()
  /** Since when each of the others has told everything anew, by its clock. */
  readonly #anewSince = new Map<string, number>()
  /** Those that tell everything anew, and all of it is heard: since then no topic was missing. */
  readonly #heardWhole = new Set<string>()
  readonly #deathWatchers: ((instance: string) => void)[] = []
  readonly #returnWatchers: (() => void)[] = []
  readonly #sources: (() => Iterable<Tell>)[] = []
  readonly #retelling = new Retelling(
    this.#sources,
    (message) => this.toAll(message),
    (message) => this.send(this.id, message),
  )
  /** The endpoints here that answer questions. */
  readonly #ownAnswers = new Set<string>()
  /** Those of each of the others. */
  readonly #answers = new Map<string, readonly unknown[]>()
  /** Whether this instance hears what it is sent: an answer to what it says before would be lost. */
  #hears = false
  readonly #unsubscribes: (() => void)[] = []
  readonly #unwatch: () => void
  readonly #timer: NodeJS.Timeout
  #upSince = performance.now()
  #lastTick = performance.now()
  #retoldAt = -Infinity
  #retellSoon: NodeJS.Timeout | undefined
  #time = 0
  #joined: boolean
  #closed = false

  constructor(readonly bus: Bus) {
    this.#joined = bus.up
    const receive = (bytes: Buffer) => this.#receive(bytes)
    this.ready = Promise.all(
      [topics.all, topics.instance(this.id)].map((topic) => bus.subscribe(topic, receive)),
    ).then((unsubscribes) => {
      this.#unsubscribes.push(...unsubscribes)
      if (this.#closed) this.#unsubscribe()
      else {
        this.#hears = true
        this.#upSince = performance.now()
        this.#tellAlive()
      }
    })
    this.#unwatch = bus.watch((up) => this.#changed(up))
    this.#timer = setInterval(() => this.#tick(), aliveInterval)
    this.#timer.unref()
  }

  /** Whether the bus was up at any time since the start. */
  get joined(): boolean {
    return this.#joined
  }

  /**
   * A clock that grows with each look, and is never behind one that was heard of: whatever comes
   * after something else that all could know of has the later time, whichever machine it is on.
   * @returns microseconds since 1970, by the fastest of the instances' clocks
   */
  now(): number {
    return (this.#time = Math.max(1_000 * Date.now(), this.#time + 1))
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

  /** Calls back when messages of the others may have been missed. */
  onReturn(watcher: () => void): void {
    this.#returnWatchers.push(watcher)
  }

  /** Names what is to be told anew when messages may have been missed, on either side. */
  retell(source: () => Iterable<Tell>): void {
    this.#sources.push(source)
  }

  /** An endpoint here answers questions (`ask`): the others are told so. */
  answersFor(endpoint: string): void {
    this.#ownAnswers.add(endpoint)
    this.#tellAlive()
  }

  /** The other instances that answer the questions of an endpoint. */
  answering(endpoint: string): string[] {
    return [...this.#answers].flatMap(([instance, answers]) =>
      answers.includes(endpoint) ? instance : [],
    )
  }

  /** Resolves when the instances that live have had time to be heard of. */
  async settled(): Promise<void> {
    await this.ready
    const rest = this.#upSince + settleTime - performance.now()
    if (rest > 0) await delay(rest, undefined, { ref: false })
  }

  /** Sends to one instance. */
  send(instance: string, message: BusMessage): void {
    this.publish(topics.instance(instance), message)
  }

  /** Sends to all instances. */
  toAll(message: BusMessage): void {
    this.publish(topics.all, message)
  }

  publish(topic: string, message: BusMessage): void {
    if (!this.bus.up) return
    const signed: Signed = { ...message, instance: this.id }
    if (message.t !== 'data') signed.time = this.now()
    this.bus.publish(topic, encode(signed))
  }

  /** Hears a topic; its messages go where all others go. */
  subscribe(topic: string): Promise<() => void> {
    return this.bus.subscribe(topic, (bytes) => {
      if (!this.#isOwn(bytes)) this.#receive(bytes)
    })
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    clearTimeout(this.#retellSoon)
    this.#retelling.stop()
    this.#unwatch()
    this.toAll({ t: 'bye' })
    this.#unsubscribe()
  }

  #receive(bytes: Buffer): void {
    const message = decode(bytes)
    if (!message || this.#closed) return
    const { t, instance, time } = message
    if (instance === this.id) {
      if (t === 'echo') this.#retelling.heard(message.n)
      return
    }
    // beyond that, a step forward could not be told from standing still
    if (typeof time === 'number' && time < Number.MAX_SAFE_INTEGER) {
      this.#time = Math.max(this.#time, time)
    }
    // an engine that stood still may deliver what was sent before an outage after it
    if (t === 'anew') this.#toldAnew(instance, time)
    else if (time !== undefined && time < (this.#anewSince.get(instance) ?? 0)) return
    if (t === 'bye') return this.#died(instance)
    if (t === 'told' && !this.#counts(message)) return
    if (!this.#lastAlive.has(instance)) this.#appeared(instance)
    this.#lastAlive.set(instance, performance.now())
    if (t === 'alive' && Array.isArray(message.answers))
      this.#answers.set(instance, message.answers)
    for (const handler of this.#handlers.get(t) ?? []) {
      try {
        handler(message)
      } catch (error) {
        // of another version, or malformed: it must not end this instance
        log.bus('a message of %s was not understood: %s', instance, error)
      }
    }
  }

  /** Whether who was not told of is gone; he may have been missed instead. */
  #counts({ instance, answer, round }: Signed<Extract<BusMessage, { t: 'told' }>>): boolean {
    // else this one is about to tell everything itself, and is answered then
    return answer ? round === this.#retelling.round : this.#heardWhole.has(instance)
  }

  #toldAnew(instance: string, time = 0): void {
    this.#anewSince.set(instance, time)
    if (this.bus.up) this.#heardWhole.add(instance)
    else this.#heardWhole.delete(instance)
  }

  #appeared(instance: string): void {
    log.bus('instance %s is there', instance)
    this.send(instance, this.#alive)
    if (!this.#takenForDead.delete(instance)) return
    log.bus('instance %s was not dead: it is told everything', instance)
    this.#retellWhenAllowed()
  }

  #tick(): void {
    const now = performance.now()
    const frozen = now - this.#lastTick > deadAfter
    this.#lastTick = now
    this.#tellAlive()
    if (frozen) {
      log.bus('this instance stood still: it starts anew')
      return this.#changed(this.bus.up)
    }
    for (const [instance, at] of this.#takenForDead) {
      if (now - at > mourning) this.#takenForDead.delete(instance)
    }
    if (!this.bus.up || now - this.#upSince < deadAfter) return
    for (const [instance, lastAlive] of this.#lastAlive) {
      if (now - lastAlive <= deadAfter) continue
      this.#takenForDead.set(instance, now)
      this.#died(instance)
    }
  }

  #changed(up: boolean): void {
    if (this.#closed) return
    log.bus('the bus is %s', up ? 'up' : 'down')
    this.#heardWhole.clear()
    if (!up) return this.#retelling.stop()
    this.#joined = true
    // silence during the outage says nothing
    this.#upSince = performance.now()
    this.#tellAlive()
    for (const watcher of this.#returnWatchers) watcher()
    this.#retell()
  }

  #retellWhenAllowed(): void {
    const rest = this.#retoldAt + retellInterval - performance.now()
    this.#retellSoon ??= setTimeout(() => this.#retell(), Math.max(0, rest))
  }

  #retell(): void {
    clearTimeout(this.#retellSoon)
    this.#retellSoon = undefined
    if (!this.bus.up) return
    this.#retoldAt = performance.now()
    this.#retelling.start()
  }

  #died(instance: string): void {
    if (!this.#lastAlive.delete(instance)) return
    this.#answers.delete(instance)
    this.#anewSince.delete(instance)
    this.#heardWhole.delete(instance)
    log.bus('instance %s is gone', instance)
    for (const watcher of this.#deathWatchers) {
      try {
        watcher(instance)
      } catch (error) {
        // of what it had told something was malformed
        log.bus('what instance %s had is not understood: %s', instance, error)
      }
    }
  }

  #tellAlive(): void {
    if (this.#hears) this.toAll(this.#alive)
  }

  get #alive(): BusMessage {
    return { t: 'alive', ...(this.#ownAnswers.size > 0 && { answers: [...this.#ownAnswers] }) }
  }

  #unsubscribe(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe()
  }
}
