import type { Json } from 'signal-protocol'
import type { Instances } from './instances.js'
import { RemotePeers } from './remote-peers.js'
import { Subscriptions } from './subscriptions.js'
import { topics } from './topics.js'
import type { PeerNotice } from './wire.js'

/** The introductions of this instance, as far as others are concerned with them. */
export interface LocalIntroductions {
  /** The peers here that want a key. */
  peersOn(app: string, key: string): PeerNotice[]
  /** A peer elsewhere wants these keys: tells those here who do, or only the one named. */
  introduceRemote(app: string, peer: PeerNotice, keys: string[], to: string | undefined): void
  /** A peer elsewhere has left these keys. */
  departRemote(app: string, id: string, keys: string[]): void
  /** A peer elsewhere has new info. */
  updateRemote(app: string, id: string, info: Json, keys: string[]): void
  /** A peer elsewhere signals one here. */
  signalRemote(app: string, from: string, to: string, signal: Json): void
  /** Every peer here, with its keys. */
  everyone(): Iterable<{ app: string; peer: PeerNotice; keys: Iterable<string> }>
}

interface Told {
  app: string
  peer: PeerNotice
  to: string | undefined
  keys: string[]
}

/**
 * Introduces peers of different instances. An instance subscribes to the topics of the keys that
 * its peers want and *then* publishes the Join; whoever hears it introduces its own peers, and
 * answers with them. Since each subscribes before it publishes, one of two always hears the other.
 */
export class IntroductionsAcross {
  readonly #remote = new RemotePeers()
  readonly #subscriptions: Subscriptions
  /** What is told at the end of this turn, so that many keys make one Introduction. */
  readonly #pending = new Map<string, Told>()
  #flushing: NodeJS.Immediate | undefined

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
  ) {
    this.#subscriptions = new Subscriptions(instances, (topic) => this.#remote.forget(topic))
    instances.on('join', ({ app, key, peer, instance }) => {
      this.#met(app, key, peer, instance, undefined)
      const peers = local.peersOn(app, key).filter(({ id }) => id !== peer.id)
      if (peers.length > 0) {
        instances.send(instance, { t: 'here', app, key, to: peer.id, peers })
      }
    })
    instances.on('here', ({ app, key, to, peers, instance }) => {
      for (const peer of peers) this.#met(app, key, peer, instance, to)
    })
    instances.on('leave', ({ app, key, id, instance }) => this.#left(app, key, id, instance))
    instances.on('update', ({ app, id, info, keys }) => local.updateRemote(app, id, info, keys))
    instances.on('signal', ({ app, from, to, signal }) => local.signalRemote(app, from, to, signal))
    instances.on('again', ({ app, key, to, about }) => this.#again(app, key, to, about))
    instances.onDeath((instance) => {
      for (const { app, key, id } of this.#remote.ofInstance(instance)) {
        this.#left(app, key, id, instance)
      }
    })
    instances.onReturn(() => {
      for (const { app, peer, keys } of local.everyone()) this.join(app, peer, [...keys], [])
    })
  }

  /**
   * A peer here wants keys, and an introduction for each.
   * @param fresh - those of them that it did not want before
   */
  join(app: string, peer: PeerNotice, keys: readonly string[], fresh: readonly string[]): void {
    for (const key of fresh) this.#subscriptions.want(topics.key(app, key))
    for (const key of keys) {
      const topic = topics.key(app, key)
      this.#subscriptions.whenHeard(topic, () => {
        this.instances.publish(topic, { t: 'join', app, key, peer })
      })
    }
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    for (const key of keys) {
      const topic = topics.key(app, key)
      this.instances.publish(topic, { t: 'leave', app, key, id })
      this.#subscriptions.release(topic)
    }
  }

  /** A peer here, which wants these keys, has new info. */
  announce(app: string, id: string, info: Json, keys: Iterable<string>): void {
    const byInstance = new Map<string, string[]>()
    for (const key of keys) {
      const peers = this.#remote.on(topics.key(app, key))
      for (const instance of new Set(peers.map((peer) => peer.instance))) {
        byInstance.set(instance, [...(byInstance.get(instance) ?? []), key])
      }
    }
    for (const [instance, shared] of byInstance) {
      this.instances.send(instance, { t: 'update', app, id, info, keys: shared })
    }
  }

  /** The peer elsewhere that has this id and wants one of these keys. */
  find(app: string, id: string, keys: Iterable<string>): PeerNotice | undefined {
    for (const key of keys) {
      const peer = this.#remote.find(topics.key(app, key), id)
      if (peer) return peer
    }
    return undefined
  }

  /** Brings a signal to a peer elsewhere that shares one of these keys with its sender. */
  signal(app: string, from: string, to: string, keys: Iterable<string>, signal: Json): void {
    for (const key of keys) {
      const peer = this.#remote.find(topics.key(app, key), to)
      if (!peer) continue
      return this.instances.send(peer.instance, { t: 'signal', app, from, to, signal })
    }
  }

  /** Introduces a peer to another once more, wherever it is; both may be elsewhere. */
  introduceAgain(app: string, key: string, to: string, about: string): void {
    this.instances.publish(topics.key(app, key), { t: 'again', app, key, to, about })
  }

  close(): void {
    clearImmediate(this.#flushing)
    this.#subscriptions.close()
  }

  #met(app: string, key: string, peer: PeerNotice, instance: string, to: string | undefined): void {
    this.#remote.add({ app, key, instance, ...peer })
    const name = JSON.stringify([app, peer.id, to])
    const told = this.#pending.get(name)
    if (told) told.keys.push(key)
    else this.#pending.set(name, { app, peer, to, keys: [key] })
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      const all = [...this.#pending.values()]
      this.#pending.clear()
      for (const { app, peer, keys, to } of all) this.local.introduceRemote(app, peer, keys, to)
    })
  }

  #left(app: string, key: string, id: string, instance: string): void {
    if (!this.#remote.remove(topics.key(app, key), instance, id)) return
    const mine = this.local.peersOn(app, key).find((peer) => peer.id === id)
    // others have heard that it left, but it is here too
    if (mine) this.join(app, mine, [key], [])
    else if (!this.#remote.find(topics.key(app, key), id)) {
      this.local.departRemote(app, id, [key])
    }
  }

  #again(app: string, key: string, to: string, about: string): void {
    const here = this.local.peersOn(app, key)
    if (!here.some((peer) => peer.id === to)) return
    const other =
      here.find((peer) => peer.id === about) ?? this.#remote.find(topics.key(app, key), about)
    if (other) this.local.introduceRemote(app, other, [key], to)
  }
}
