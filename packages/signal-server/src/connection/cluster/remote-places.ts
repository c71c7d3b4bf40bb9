import { randomBytes } from 'node:crypto'
import type { PairKey } from '../pairing/place.js'
import { Agreements, type Party } from './agreements.js'
import type { Instances } from '../../cluster/instances.js'
import { Occupants, type Occupant } from './occupants.js'
import type { Tell } from '../../cluster/retelling.js'
import { Subscriptions } from '../../cluster/subscriptions.js'
import { topics } from '../../cluster/topics.js'
import type { HoldNotice } from '../../cluster/wire.js'

/** What other instances bring about here. */
export interface RemotePlacesCallbacks<S> {
  /**
   * The occupant and one of another instance are a pair.
   * @param hello - of the other client, if both offered one for the link protocol
   */
  pair(occupant: Occupant<S>, pipe: string, instance: string, hello: string | undefined): void
  /** What the client of an occupant that waits offered for the link protocol. */
  helloOf(occupant: Occupant<S>): string | undefined
  /** A newer connection took the occupant's place, on another instance. */
  supersede(occupant: Occupant<S>): void
  /** The occupant is no longer offered: it may be paired with a partner that came meanwhile. */
  released(occupant: Occupant<S>): void
}

// one that waits is told of again after this, and then after twice as long each time: a bus that
// lost the first word must not keep two who wait for each other apart
const firstReminder = 2_000

interface Entry<S> extends Party<S> {
  reminder?: NodeJS.Timeout
}

/**
 * Pairs connections of this instance with those of others. Each is published on its pair's topic; one that hears
 * its reciprocal answers. Of the two, the lower nonce leads the agreement. In one place the newest
 * connection wins, wherever it is.
 */
export class RemotePlaces<S> {
  readonly #entries = new Occupants<Entry<S>>()
  readonly #agreements: Agreements<S, Entry<S>>
  readonly #subscriptions: Subscriptions

  constructor(
    private readonly instances: Instances,
    private readonly callbacks: RemotePlacesCallbacks<S>,
  ) {
    this.#subscriptions = new Subscriptions(instances, () => {})
    this.#agreements = new Agreements<S, Entry<S>>(instances, this.#entries, {
      pair: (entry, pipe, instance, hello) => callbacks.pair(entry, pipe, instance, hello),
      helloOf: (entry) => callbacks.helloOf(entry),
      released: (entry) => {
        callbacks.released(entry)
        if (this.#entries.has(entry) && entry.state === 'waiting') this.#publish(entry)
      },
    })
    instances.on('hold', ({ hold, answer = false, instance }) =>
      this.#heard(hold, answer, instance),
    )
    instances.retell(() => this.#everything())
  }

  /** A connection has come; tells the others once the pair's topic is heard. */
  enter(place: PairKey, subject: S): Occupant<S> {
    const nonce = randomBytes(8).toString('hex')
    const entry: Entry<S> = Agreements.party({ subject, place, nonce, time: this.instances.now() })
    this.#entries.add(entry)
    const topic = topicOf(place)
    this.#subscriptions.want(topic)
    this.#subscriptions.whenHeard([topic], () => {
      if (this.#entries.has(entry)) this.#publish(entry)
    })
    this.#remind(entry, firstReminder)
    return entry
  }

  /** A connection of this instance is part of a pipe. */
  paired(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (!entry) return
    this.#agreements.end(entry)
    clearTimeout(entry.reminder)
    entry.state = 'piped'
  }

  /** A partner on this instance waits for one that is bound to another instance. */
  hurry(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (entry) this.#agreements.hurry(entry)
  }

  /** A connection is over. */
  leave(occupant: Occupant<S>): void {
    const entry = this.#entries.get(occupant.nonce)
    if (!entry) return
    this.#agreements.end(entry)
    clearTimeout(entry.reminder)
    this.#entries.delete(entry)
    this.#subscriptions.release(topicOf(entry.place))
  }

  close(): void {
    for (const entry of this.#entries.all()) {
      this.#agreements.end(entry)
      clearTimeout(entry.reminder)
    }
    this.#subscriptions.close()
  }

  *#everything(): Iterable<Tell> {
    for (const entry of this.#entries.all()) {
      yield () => {
        if (this.#entries.has(entry)) this.#publish(entry)
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
    for (const entry of this.#entries.at({ app, localId, remoteId, key })) {
      const older =
        entry.time < hold.time || (entry.time === hold.time && this.instances.id < instance)
      if (older) this.callbacks.supersede(entry)
      else if (!answer) this.#answer(entry, instance)
    }
    if (hold.piped) return
    for (const entry of this.#entries.at({ app, localId: remoteId, remoteId: localId, key })) {
      if (entry.state !== 'waiting') continue
      if (!answer) this.#answer(entry, instance)
      if (entry.nonce < hold.nonce) this.#agreements.propose(entry, hold.nonce, instance)
    }
  }

  #answer(entry: Entry<S>, instance: string): void {
    this.instances.send(instance, { t: 'hold', hold: noticeOf(entry), answer: true })
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

const topicOf = ({ app, localId, remoteId, key }: PairKey) =>
  topics.pair(app, [localId, remoteId], key)
