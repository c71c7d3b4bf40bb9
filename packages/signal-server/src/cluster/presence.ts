import type { Json } from 'signal-server-protocol'
import { log } from '../log.js'
import type { Instances } from './instances.js'
import { Proofs } from './proofs.js'
import { isOlder, RemotePeers, type RemotePeer } from './remote-peers.js'
import type { Tell } from './retelling.js'
import { topics } from './topics.js'
import type { PresentPeer } from './wire.js'

/** The peers of an endpoint on this instance, and what they hear of others. */
export interface LocalPresence {
  /** The ids of all peers here, by app. */
  everyone(): Iterable<readonly [app: string, ids: Iterable<string>]>
  /** One of them. */
  peer(app: string, id: string): PresentPeer | undefined
  /**
   * A peer on another instance has come, or has other info than before.
   * @param before - what was known of it; undefined if it has come
   */
  came(app: string, peer: PresentPeer, before: PresentPeer | undefined): void
  /**
   * A peer on another instance is gone.
   * @param lost - with its instance, or unnoticed during an outage; false if it has left by itself
   */
  left(app: string, peer: PresentPeer, lost: boolean): void
  /** A peer on another instance is there still, after an outage in which messages were lost. */
  stayed(app: string, peer: PresentPeer): void
  /** A remote peer took the id of one here before that one did: it loses the id. */
  outranked(app: string, id: string): void
  /**
   * A remote client wants the id of a peer here: resolves when that peer has shown life, or was
   * found dead and is gone. Without this every id stays with its peer until that is gone by itself.
   */
  prove?(app: string, id: string): Promise<void>
  /** A message for a peer that is here, or was a moment ago. */
  received(app: string, to: string, message: Json): void
}

// as many peers in one message
const batchSize = 100

/**
 * The peers of one endpoint on all instances that a bus joins: each instance tells all others of
 * its own, so that they can be listed, reached, and keep their ids to themselves. Nothing waits for
 * the bus: where an id was taken twice at the same moment, or while the bus was down, all instances
 * come to the same conclusion, and the younger one loses it.
 */
export class Presence {
  readonly #remote = new RemotePeers<PresentPeer>()
  readonly #proofs: Proofs

  /**
   * @param instances - those of the endpoint's context
   * @param endpoint - tells it from other endpoints; the same on all instances
   * @param local - the peers here
   */
  constructor(
    private readonly instances: Instances,
    private readonly endpoint: string,
    private readonly local: LocalPresence,
  ) {
    this.#proofs = new Proofs(instances, endpoint, local.prove?.bind(local))
    this.#hear()
    instances.on('anew', ({ instance }) => this.#remote.doubt(instance))
    instances.on('told', ({ instance }) => {
      this.#leftAll(this.#remote.ofInstance(instance, true))
      for (const peer of this.#remote.ofInstance(instance)) this.local.stayed(peer.app, peer)
    })
    instances.onDeath((instance) => this.#leftAll(this.#remote.ofInstance(instance)))
    instances.onReturn(() => {
      for (const instance of this.#remote.instances()) this.#remote.doubt(instance)
    })
    instances.retell(() => this.#everything())
    void instances.ready.then(() => this.#ask())
  }

  /** Whether messages are carried to other instances at the moment. */
  get up(): boolean {
    return this.instances.bus.up
  }

  /** The time for {@link PresentPeer.since}: it grows with each look. */
  now(): number {
    return this.instances.now()
  }

  /** The peers of an app on other instances. */
  on(app: string): PresentPeer[] {
    return this.#remote.on(this.#topic(app))
  }

  /** How many peers of an app are on other instances. */
  count(app: string): number {
    return this.#remote.count(this.#topic(app))
  }

  /** The peer of an app on another instance that has this id. */
  find(app: string, id: string): PresentPeer | undefined {
    return this.#remote.first(this.#topic(app), id)
  }

  /**
   * Asks for a sign of life of the peer on another instance that has this id.
   * @returns resolves when it is known; a peer that is dead is gone by then
   */
  async prove(app: string, id: string): Promise<void> {
    const peer = this.#remote.first(this.#topic(app), id)
    if (peer) await this.#proofs.ask(peer.instance, app, id)
  }

  /** Tells the others of a peer here that has come, or has other info than before. */
  tell(app: string, peer: PresentPeer): void {
    this.instances.toAll({ t: 'present', endpoint: this.endpoint, app, peers: [peer] })
  }

  /** Tells the others that a peer here is gone. */
  leave(app: string, id: string): void {
    this.instances.toAll({ t: 'absent', endpoint: this.endpoint, app, id })
  }

  /**
   * Sends a message to the peer of another instance that has this id. It arrives in the order in
   * which it was sent, or not at all where the bus fails or the peer is gone meanwhile.
   *
   * @returns whether there is such a peer, and a bus that carries it
   */
  send(app: string, to: string, message: Json): boolean {
    const peer = this.#remote.first(this.#topic(app), to)
    if (!peer || !this.up) return false
    const { endpoint } = this
    this.instances.send(peer.instance, { t: 'relay', endpoint, app, to, message })
    return true
  }

  #hear(): void {
    const { instances, local } = this
    instances.on('who', ({ endpoint, instance }) => {
      if (endpoint !== this.endpoint) return
      for (const tell of this.#batches((message) => instances.send(instance, message))) tell()
    })
    instances.on('present', ({ endpoint, app, peers, instance }) => {
      if (endpoint !== this.endpoint) return
      for (const peer of peers) this.#came(app, peer, instance)
    })
    instances.on('absent', ({ endpoint, app, id, instance }) => {
      if (endpoint === this.endpoint) this.#left(app, id, instance)
    })
    instances.on('relay', ({ endpoint, app, to, message }) => {
      if (endpoint === this.endpoint) local.received(app, to, message)
    })
  }

  #ask(): void {
    this.instances.toAll({ t: 'who', endpoint: this.endpoint })
  }

  /** After an outage: asks first, so that the answers are there when everything is told. */
  *#everything(): Iterable<Tell> {
    yield () => this.#ask()
    yield* this.#batches((message) => this.instances.toAll(message))
  }

  *#batches(send: Instances['toAll']): Iterable<Tell> {
    const { endpoint, local } = this
    for (const [app, all] of local.everyone()) {
      const ids = [...all]
      while (ids.length > 0) {
        const batch = ids.splice(0, batchSize)
        yield () => {
          // some may have gone meanwhile
          const peers = batch.flatMap((id) => local.peer(app, id) ?? [])
          send({ t: 'present', endpoint, app, peers })
        }
      }
    }
  }

  #came(app: string, { id, since, info }: PresentPeer, instance: string): void {
    const known = typeof app === 'string' && typeof id === 'string' && typeof since === 'number'
    if (!known) throw new TypeError('no peer')
    const here = this.local.peer(app, id)
    if (here && isOlder({ since: here.since, instance: this.instances.id }, { since, instance })) {
      const peers = [here]
      this.instances.send(instance, { t: 'present', endpoint: this.endpoint, app, peers })
      return
    }
    this.#change(app, id, () => {
      const peer = { id, since, app, key: this.endpoint, instance, doubtful: false }
      this.#remote.add(info === undefined ? peer : { ...peer, info })
    })
  }

  #left(app: string, id: string, instance: string, lost = false): void {
    this.#change(app, id, () => this.#remote.remove(this.#topic(app), instance, id), lost)
  }

  #leftAll(peers: readonly RemotePeer<PresentPeer>[]): void {
    for (const { app, id, instance } of peers) {
      try {
        this.#left(app, id, instance, true)
      } catch (error) {
        // malformed: the others must hear of theirs all the same
        log.bus('peer %s of instance %s is not understood: %s', id, instance, error)
      }
    }
  }

  /** Tells the peers here of what a change changes for them: one of several may have had the id. */
  #change(app: string, id: string, change: () => void, lost = false): void {
    const before = this.find(app, id)
    change()
    const after = this.find(app, id)
    if (after) {
      if (this.local.peer(app, id)) this.local.outranked(app, id)
      if (!before || !sameInfo(before, after)) this.local.came(app, after, before)
    } else if (before) {
      this.local.left(app, before, lost)
    }
  }

  #topic(app: string): string {
    return topics.key(app, this.endpoint)
  }
}

const sameInfo = (one: PresentPeer, other: PresentPeer) =>
  JSON.stringify(one.info) === JSON.stringify(other.info)
