import { randomBytes } from 'node:crypto'
import type { PairKey } from '../connection/place.js'
import { log } from '../log.js'
import type { Instances } from './instances.js'
import type { Tell } from './retelling.js'
import { Subscriptions } from './subscriptions.js'
import { topics } from './topics.js'
import type { HoldNotice } from './wire.js'

/**
 * A connection of this instance, as others are concerned with it.
 * @typeParam S - what it is: something that waits, or a pipe
 */
export interface Occupant<S> {
  subject: S
  readonly place: PairKey
  readonly nonce: string
  /** When it came, on the instances' clock. */
  readonly time: number
  /**
   * It waits for a partner; has proposed to one elsewhere; has accepted one elsewhere, which now
   * decides; or is part of a pipe.
   */
  state: 'waiting' | 'proposed' | 'offered' | 'piped'
}

/** The connections of this instance. */
export interface LocalPlaces<S> {
  /** The occupant and one of another instance are a pair. */
  pair(occupant: Occupant<S>, pipe: string, instance: string): void
  /** A newer connection took the occupant's place, on another instance. */
  supersede(occupant: Occupant<S>): void
  /** The occupant is no longer offered: it may be paired with a partner that came meanwhile. */
  released(occupant: Occupant<S>): void
}

// how long two instances may take to agree, at first; twice as long each time that was too short
const agreementTime = 1_000
const longestAgreement = 8_000
// a partner that is on this instance too waits no longer than this
const localWait = 1_000
// one that waits is told of again after this, and then after twice as long each time: a bus that
// lost the first word must not keep two who wait for each other apart
const remindAfter = 2_000

interface Entry<S> extends Occupant<S> {
  other?: { instance: string; nonce: string }
  timer?: NodeJS.Timeout
  /** When an agreement that has been begun is given up. */
  deadline: number
  patience: number
  reminder?: NodeJS.Timeout
}

/**
 * Pairs connections of different instances. Each is published on its pair's topic; one that hears
 * its reciprocal answers. Of the two, the lower nonce leads: it proposes, the other accepts (and is
 * then bound for a moment), the leader commits, or aborts if it was paired meanwhile. In one place
 * the newest connection wins, wherever it is.
 */
export class PlacesAcross<S> {
  readonly #entries = new Map<string, Entry<S>>()
  readonly #byPlace = new Map<string, Set<Entry<S>>>()
  readonly #subscriptions: Subscriptions

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalPlaces<S>,
  ) {
    this.#subscriptions = new Subscriptions(instances, () => {})
    instances.on('hold', ({ hold, answer = false, instance }) =>
      this.#heard(hold, answer, instance),
    )
    instances.on('propose', ({ mine, yours, instance }) => this.#proposed(mine, yours, instance))
    instances.on('accept', ({ mine, yours, instance }) => this.#accepted(mine, yours, instance))
    instances.on('commit', ({ mine, yours, instance }) => this.#committed(mine, yours, instance))
    instances.on('abort', ({ mine, yours }) => {
      const entry = this.#entries.get(yours)
      if (entry?.other?.nonce === mine) this.#waitAgain(entry)
    })
    instances.onDeath((instance) => {
      for (const entry of this.#agreeing()) {
        if (entry.other?.instance === instance) this.#waitAgain(entry)
      }
    })
    instances.onReturn(() => {
      // answers may have been lost; who decided otherwise meanwhile is told by the pipe
      for (const entry of this.#agreeing()) this.#waitAgain(entry)
    })
    instances.retell(() => this.#everything())
  }

  /** Topics of pairs that are heard. */
  get topics(): number {
    return this.#subscriptions.size
  }

  /** A connection has come; tells the others once the pair's topic is heard. */
  enter(place: PairKey, subject: S): Occupant<S> {
    const nonce = randomBytes(8).toString('hex')
    const time = this.instances.now()
    const patience = agreementTime
    const state = 'waiting'
    const entry: Entry<S> = { subject, place, nonce, time, state, patience, deadline: Infinity }
    this.#entries.set(nonce, entry)
    const name = nameOf(place)
    this.#byPlace.set(name, (this.#byPlace.get(name) ?? new Set()).add(entry))
    const topic = topicOf(place)
    this.#subscriptions.want(topic)
    this.#subscriptions.whenHeard([topic], () => {
      if (this.#has(entry)) this.#publish(entry)
    })
    this.#remind(entry, remindAfter)
    return entry
  }

  /** A connection of this instance is part of a pipe. */
  paired(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (!entry) return
    clearTimeout(entry.timer)
    clearTimeout(entry.reminder)
    entry.state = 'piped'
    delete entry.other
  }

  /** A partner on this instance waits for one that is bound to another instance. */
  hurry(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (entry?.other) this.#giveUpAt(entry, Math.min(entry.deadline, performance.now() + localWait))
  }

  /** A connection is over. */
  leave(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (!entry) return
    clearTimeout(entry.timer)
    clearTimeout(entry.reminder)
    this.#entries.delete(entry.nonce)
    const name = nameOf(entry.place)
    const here = this.#byPlace.get(name)
    here?.delete(entry)
    if (here?.size === 0) this.#byPlace.delete(name)
    this.#subscriptions.release(topicOf(entry.place))
  }

  close(): void {
    for (const { timer, reminder } of this.#entries.values()) {
      clearTimeout(timer)
      clearTimeout(reminder)
    }
    this.#subscriptions.close()
  }

  *#everything(): Iterable<Tell> {
    for (const entry of this.#entries.values()) {
      yield () => {
        if (this.#has(entry)) this.#publish(entry)
      }
    }
  }

  #publish(entry: Entry<S>): void {
    this.instances.publish(topicOf(entry.place), { t: 'hold', hold: noticeOf(entry) })
  }

  #remind(entry: Entry<S>, after: number): void {
    entry.reminder = setTimeout(() => {
      if (entry.state === 'waiting') this.#publish(entry)
      this.#remind(entry, 2 * after)
    }, after)
  }

  #heard(hold: HoldNotice, answer: boolean, instance: string): void {
    const { app, localId, remoteId, key } = hold
    for (const entry of this.#at({ app, localId, remoteId, key })) {
      const older =
        entry.time < hold.time || (entry.time === hold.time && this.instances.id < instance)
      if (older) this.local.supersede(entry)
      else if (!answer) this.#answer(entry, instance)
    }
    if (hold.piped) return
    for (const entry of this.#at({ app, localId: remoteId, remoteId: localId, key })) {
      if (entry.state !== 'waiting') continue
      if (!answer) this.#answer(entry, instance)
      if (entry.nonce < hold.nonce) this.#propose(entry, hold.nonce, instance)
    }
  }

  #answer(entry: Entry<S>, instance: string): void {
    this.instances.send(instance, { t: 'hold', hold: noticeOf(entry), answer: true })
  }

  #propose(entry: Entry<S>, nonce: string, instance: string): void {
    this.#bind(entry, 'proposed', nonce, instance)
    this.instances.send(instance, { t: 'propose', mine: entry.nonce, yours: nonce })
  }

  #proposed(mine: string, yours: string, instance: string): void {
    const entry = this.#entries.get(yours)
    const free = entry?.state === 'waiting'
    if (free) this.#bind(entry, 'offered', mine, instance)
    this.instances.send(instance, { t: free ? 'accept' : 'abort', mine: yours, yours: mine })
  }

  #accepted(mine: string, yours: string, instance: string): void {
    const entry = this.#bound('proposed', mine, yours)
    this.instances.send(instance, { t: entry ? 'commit' : 'abort', mine: yours, yours: mine })
    if (entry) this.#pair(entry, `${yours}.${mine}`, instance)
  }

  #committed(mine: string, yours: string, instance: string): void {
    const pipe = `${mine}.${yours}`
    const entry = this.#bound('offered', mine, yours)
    if (entry) this.#pair(entry, pipe, instance)
    // it took too long: the leader must not go on alone
    else this.instances.send(instance, { t: 'gone', pipe })
  }

  #pair(entry: Entry<S>, pipe: string, instance: string): void {
    log.bus('%s – %s: paired across', entry.place.localId, entry.place.remoteId)
    this.local.pair(entry, pipe, instance)
  }

  #bind(entry: Entry<S>, state: 'proposed' | 'offered', nonce: string, instance: string): void {
    entry.state = state
    entry.other = { instance, nonce }
    this.#giveUpAt(entry, performance.now() + entry.patience)
  }

  #giveUpAt(entry: Entry<S>, deadline: number): void {
    clearTimeout(entry.timer)
    entry.deadline = deadline
    entry.timer = setTimeout(() => {
      entry.patience = Math.min(2 * entry.patience, longestAgreement)
      this.#waitAgain(entry)
    }, deadline - performance.now())
  }

  #bound(state: 'proposed' | 'offered', theirs: string, ours: string): Entry<S> | undefined {
    const entry = this.#entries.get(ours)
    return entry?.state === state && entry.other?.nonce === theirs ? entry : undefined
  }

  #waitAgain(entry: Entry<S>): void {
    if (entry.state !== 'proposed' && entry.state !== 'offered') return
    clearTimeout(entry.timer)
    entry.state = 'waiting'
    delete entry.other
    this.local.released(entry)
    if (this.#has(entry) && entry.state === 'waiting') this.#publish(entry)
  }

  #has(entry: Entry<S>): boolean {
    return this.#entries.get(entry.nonce) === entry
  }

  /** Those that are about to be paired. */
  #agreeing(): Entry<S>[] {
    return [...this.#entries.values()].filter(({ other }) => other !== undefined)
  }

  #at(place: PairKey): Entry<S>[] {
    return [...(this.#byPlace.get(nameOf(place)) ?? [])]
  }
}

const noticeOf = ({ place, nonce, time, state }: Entry<unknown>): HoldNotice => ({
  app: place.app,
  localId: place.localId,
  remoteId: place.remoteId,
  key: place.key,
  nonce,
  time,
  piped: state === 'piped',
})

const nameOf = ({ app, localId, remoteId, key }: PairKey) =>
  JSON.stringify([app, localId, remoteId, key])

const topicOf = ({ app, localId, remoteId, key }: PairKey) =>
  topics.pair(app, [localId, remoteId], key)
