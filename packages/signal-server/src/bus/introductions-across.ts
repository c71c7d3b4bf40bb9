import type { Json } from 'signal-protocol'
import type { Instances } from './instances.js'
import { RemotePeers, type RemotePeer } from './remote-peers.js'
import type { Tell } from './retelling.js'
import { Subscriptions } from './subscriptions.js'
import { topics } from './topics.js'
import type { PeerNotice } from './wire.js'

/** The introductions of this instance, as far as others are concerned with them. */
export interface LocalIntroductions {
  /** The peers here that want a key. */
  peersOn(app: string, key: string): PeerNotice[]
  /** One of them. */
  peerOn(app: string, key: string, id: string): PeerNotice | undefined
  /**
   * A peer elsewhere wants these keys: tells those here who do, or only the one named.
   * @param still - whether that is so for a key at the moment when somebody is told
   */
  introduceRemote(app: string, about: PeerNotice, keys: string[], still: Still, to?: string): void
  /** Two peers whose connection has failed are introduced once more; one or both are elsewhere. */
  introduceAgain(app: string, about: PeerNotice, key: string, to: string): void
  /** The newest session of a peer is here, and hears of the peers here, for another one asked. */
  introduceHere(app: string, id: string, keys: string[]): void
  /** A peer elsewhere has left these keys. */
  departRemote(app: string, id: string, keys: string[], still: Still): void
  /** A peer elsewhere has new info. */
  updateRemote(app: string, id: string, info: Json, keys: string[]): void
  /** A peer elsewhere signals one here, with which it shares this key. */
  signalRemote(app: string, from: string, to: string, key: string, signal: Json): void
  /** Sessions of a peer that are here and older than this do not hear of a key any more. */
  outranked(app: string, id: string, key: string, since: number | undefined): void
  /** Every peer here, with its keys. */
  everyone(): Iterable<{ app: string; id: string; keys: Iterable<string> }>
}

type Still = (key: string) => boolean

/** What is told at the end of a turn, so that many keys make one message. */
interface Pending {
  readonly keys: Set<string>
  readonly tell: (keys: string[]) => void
}

/**
 * Introduces peers of different instances. An instance subscribes to the topics of the keys that
 * its peers want and *then* publishes the Join; whoever hears it introduces its own peers, and
 * answers with them. Since each subscribes before it publishes, one of two always hears the other.
 */
export class IntroductionsAcross {
  readonly #remote = new RemotePeers()
  readonly #subscriptions: Subscriptions
  readonly #pending = new Map<string, Pending>()
  #flushing: NodeJS.Immediate | undefined

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
  ) {
    this.#subscriptions = new Subscriptions(instances, (topic) => this.#remote.forget(topic))
    instances.on('join', ({ app, key, peer, instance }) => this.#joined(app, key, peer, instance))
    instances.on('here', ({ app, key, to, peers, instance }) => {
      for (const peer of peers) this.#met(app, key, peer, instance, to)
    })
    instances.on('renew', ({ app, key, peer, instance }) => {
      if (this.#remote.at(topics.key(app, key), peer.id, instance)) {
        this.#know(app, key, peer, instance)
      }
    })
    instances.on('leave', ({ app, key, id, instance }) => this.#left(app, key, id, instance))
    instances.on('update', ({ app, id, info, keys, instance }) => {
      for (const key of keys) {
        const peer = this.#remote.at(topics.key(app, key), id, instance)
        if (peer) peer.info = info
      }
      local.updateRemote(app, id, info, keys)
    })
    instances.on('signal', ({ app, from, to, key, signal }) => {
      local.signalRemote(app, from, to, key, signal)
    })
    instances.on('again', ({ app, key, to, about }) => this.#again(app, key, to, about))
    instances.on('anew', ({ instance }) => this.#remote.doubt(instance))
    instances.on('told', ({ answer = false, instance }) => {
      this.#leftAll(this.#remote.ofInstance(instance, true))
      if (!answer) instances.send(instance, { t: 'told', answer: true })
    })
    instances.onDeath((instance) => this.#leftAll(this.#remote.ofInstance(instance)))
    instances.onReturn(() => {
      for (const instance of this.#remote.instances()) this.#remote.doubt(instance)
    })
    instances.retell(() => this.#everything())
  }

  /** Topics of keys that are heard. */
  get topics(): number {
    return this.#subscriptions.size
  }

  /**
   * A peer here wants keys, and an introduction for each.
   * @param fresh - those of them that it did not want before
   */
  join(app: string, id: string, keys: readonly string[], fresh: readonly string[]): void {
    for (const key of fresh) {
      this.#subscriptions.want(topics.key(app, key))
      // known from a moment ago, when the key was wanted here as well
      this.#rank(app, key, id)
    }
    for (const key of keys) this.#tell(app, key, id)
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    for (const key of keys) {
      const topic = topics.key(app, key)
      this.instances.publish(topic, { t: 'leave', app, key, id })
      this.#subscriptions.release(topic)
    }
  }

  /** A session has left these keys, or is gone: its peer may have an older one that has them. */
  renew(app: string, id: string, keys: Iterable<string>): void {
    for (const key of keys) {
      const topic = topics.key(app, key)
      const peer = this.#remote.find(topic, id) && this.local.peerOn(app, key, id)
      if (peer) this.instances.publish(topic, { t: 'renew', app, key, peer })
    }
  }

  /** A peer here, which wants these keys, has new info. */
  announce(app: string, id: string, info: Json, keys: Iterable<string>): void {
    const byInstance = new Map<string, string[]>()
    for (const key of keys) {
      const peers = this.#remote.on(topics.key(app, key))
      for (const instance of new Set(peers.map((peer) => peer.instance))) {
        const shared = byInstance.get(instance)
        if (shared) shared.push(key)
        else byInstance.set(instance, [key])
      }
    }
    for (const [instance, shared] of byInstance) {
      this.instances.send(instance, { t: 'update', app, id, info, keys: shared })
    }
  }

  /** How many peers elsewhere want a key. */
  count(app: string, key: string): number {
    return this.#remote.count(topics.key(app, key))
  }

  /** Whether a peer with this id wants a key elsewhere. */
  has(app: string, id: string, key: string): boolean {
    return this.#remote.find(topics.key(app, key), id) !== undefined
  }

  /**
   * The peer elsewhere that has this id and wants one of these keys; of several the one that
   * understands signals, and of those the one whose session came last.
   */
  find(app: string, id: string, keys: Iterable<string>): RemotePeer | undefined {
    let best: RemotePeer | undefined
    for (const key of keys) {
      const peer = this.#remote.find(topics.key(app, key), id)
      if (!peer || best === peer) continue
      if (!best || (peer.v1 === best.v1 ? peer.since > best.since : peer.v1)) best = peer
    }
    return best
  }

  /** Brings a signal to a peer elsewhere. */
  signal({ app, id, key, instance }: RemotePeer, from: string, signal: Json): void {
    this.instances.send(instance, { t: 'signal', app, from, to: id, key, signal })
  }

  /** Introduces a peer to another once more, wherever it is; both may be elsewhere. */
  introduceAgain(app: string, key: string, to: string, about: string): void {
    if (this.#again(app, key, to, about)) return
    this.instances.publish(topics.key(app, key), { t: 'again', app, key, to, about })
  }

  close(): void {
    clearImmediate(this.#flushing)
    this.#subscriptions.close()
  }

  /** Tells the others, once their answers can be heard, that a peer here wants a key. */
  #tell(app: string, key: string, id: string): void {
    const topic = topics.key(app, key)
    this.#subscriptions.whenHeard(topic, () => {
      // it may have left meanwhile
      const peer = this.local.peerOn(app, key, id)
      if (peer) this.instances.publish(topic, { t: 'join', app, key, peer })
    })
  }

  *#everything(): Iterable<Tell> {
    for (const { app, id, keys } of this.local.everyone()) {
      for (const key of keys) yield () => this.#tell(app, key, id)
    }
  }

  #joined(app: string, key: string, peer: PeerNotice, instance: string): void {
    this.#met(app, key, peer, instance)
    const peers = this.local.peersOn(app, key)
    if (peers.length === 0) return
    this.instances.send(instance, { t: 'here', app, key, to: peer.id, peers })
    const mine = peers.find(({ id }) => id === peer.id)
    if (!mine || mine.since <= peer.since) return
    // an older session of the same peer has asked: the newest, which is here, gets the answer
    this.#later(['here', app, peer.id], key, (keys) => {
      this.local.introduceHere(app, peer.id, keys)
      for (const key of keys) this.#tell(app, key, peer.id)
    })
  }

  #met(app: string, key: string, peer: PeerNotice, instance: string, to?: string): void {
    this.#know(app, key, peer, instance)
    const { id } = peer
    this.#later(['met', app, id, instance, to], key, (keys) => {
      const still = (key: string) =>
        this.#remote.at(topics.key(app, key), id, instance) !== undefined
      this.local.introduceRemote(app, peer, keys, still, to)
    })
  }

  #know(app: string, key: string, peer: PeerNotice, instance: string): void {
    const { id, since } = peer
    if (typeof id !== 'string' || typeof since !== 'number') throw new TypeError('no peer')
    this.#remote.add({ ...peer, app, key, instance, doubtful: false })
    this.#rank(app, key, id)
  }

  #rank(app: string, key: string, id: string): void {
    this.local.outranked(app, id, key, this.#remote.find(topics.key(app, key), id)?.since)
  }

  #left(app: string, key: string, id: string, instance: string): void {
    if (!this.#remote.remove(topics.key(app, key), instance, id)) return
    this.#rank(app, key, id)
    this.#later(['left', app, id], key, (keys) => {
      const still = (key: string) => !this.has(app, id, key) && !this.local.peerOn(app, key, id)
      this.local.departRemote(app, id, keys, still)
    })
  }

  #leftAll(peers: readonly RemotePeer[]): void {
    for (const { app, key, id, instance } of peers) this.#left(app, key, id, instance)
  }

  /** @returns whether it was for this instance to do, and is done */
  #again(app: string, key: string, to: string, about: string): boolean {
    const topic = topics.key(app, key)
    const target = this.local.peerOn(app, key, to)
    if (!target || (this.#remote.find(topic, to)?.since ?? 0) > target.since) return false
    const other = this.local.peerOn(app, key, about) ?? this.#remote.find(topic, about)
    if (other) this.local.introduceAgain(app, other, key, to)
    return true
  }

  #later(name: unknown[], key: string, tell: (keys: string[]) => void): void {
    const named = JSON.stringify(name)
    const pending = this.#pending.get(named)
    if (pending) pending.keys.add(key)
    else this.#pending.set(named, { keys: new Set([key]), tell })
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      const all = [...this.#pending.values()]
      this.#pending.clear()
      for (const { keys, tell } of all) tell([...keys])
    })
  }
}
