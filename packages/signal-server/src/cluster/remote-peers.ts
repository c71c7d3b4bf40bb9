import { topics } from './topics.js'
import type { PeerNotice } from './wire.js'

/** What an instance tells of a peer, at least. */
type Notice = Pick<PeerNotice, 'id' | 'since'>

/** A peer of another instance, on one key. */
export type RemotePeer<N extends Notice = PeerNotice> = N & {
  readonly app: string
  readonly key: string
  readonly instance: string
  /** Something may have been missed: it counts until that instance has told what it has. */
  doubtful: boolean
}

/** Which peers of other instances want the keys that are wanted here; forgotten with the keys. */
export class RemotePeers<N extends Notice = PeerNotice> {
  /** By key's topic and id: one id may be on several instances. */
  readonly #byTopic = new Map<string, Map<string, RemotePeer<N>[]>>()
  readonly #byInstance = new Map<string, Set<RemotePeer<N>>>()

  /** How many peers are on a key's topic. */
  count(topic: string): number {
    return this.#byTopic.get(topic)?.size ?? 0
  }

  /** Peers on a key's topic. */
  on(topic: string): RemotePeer<N>[] {
    return [...(this.#byTopic.get(topic)?.values() ?? [])].flat()
  }

  /** The peers of this id on a key's topic: one on each instance, at most. */
  all(topic: string, id: string): readonly RemotePeer<N>[] {
    return this.#byTopic.get(topic)?.get(id) ?? []
  }

  /** A peer on a key's topic; of several with its id the one whose session came last. */
  find(topic: string, id: string): RemotePeer<N> | undefined {
    const peers = this.#byTopic.get(topic)?.get(id)
    return peers?.reduce((newest, peer) => (isOlder(newest, peer) ? peer : newest))
  }

  /** A peer on a key's topic; of several with its id the one that has had it longest. */
  first(topic: string, id: string): RemotePeer<N> | undefined {
    const peers = this.#byTopic.get(topic)?.get(id)
    return peers?.reduce((oldest, peer) => (isOlder(peer, oldest) ? peer : oldest))
  }

  /** The peer of this id that an instance has on a key's topic. */
  at(topic: string, id: string, instance: string): RemotePeer<N> | undefined {
    return this.all(topic, id).find((peer) => peer.instance === instance)
  }

  /** The instances that have peers on a key's topic. */
  instancesOn(topic: string): Set<string> {
    const instances = new Set<string>()
    for (const peers of this.#byTopic.get(topic)?.values() ?? []) {
      for (const { instance } of peers) instances.add(instance)
    }
    return instances
  }

  /** Adds a peer, in place of what was known of it. */
  add(peer: RemotePeer<N>): void {
    const topic = topics.key(peer.app, peer.key)
    this.remove(topic, peer.instance, peer.id)
    const byId = this.#byTopic.get(topic) ?? new Map<string, RemotePeer<N>[]>()
    this.#byTopic.set(topic, byId)
    byId.set(peer.id, [...(byId.get(peer.id) ?? []), peer])
    const all = this.#byInstance.get(peer.instance) ?? new Set()
    this.#byInstance.set(peer.instance, all.add(peer))
  }

  /** @returns whether it was there */
  remove(topic: string, instance: string, id: string): boolean {
    const peer = this.at(topic, id, instance)
    if (!peer) return false
    const byId = this.#byTopic.get(topic)!
    const others = byId.get(id)!.filter((other) => other !== peer)
    if (others.length > 0) byId.set(id, others)
    else if (byId.delete(id) && byId.size === 0) this.#byTopic.delete(topic)
    this.#drop(peer)
    return true
  }

  /** Forgets a key that nobody here wants any more. */
  forget(topic: string): void {
    for (const peer of this.on(topic)) this.#drop(peer)
    this.#byTopic.delete(topic)
  }

  /** All that an instance has, or only what is in doubt. */
  ofInstance(instance: string, doubtfulOnly = false): RemotePeer<N>[] {
    const all = [...(this.#byInstance.get(instance) ?? [])]
    return doubtfulOnly ? all.filter(({ doubtful }) => doubtful) : all
  }

  /** Puts in doubt what one instance has. */
  doubt(instance: string): void {
    for (const peer of this.#byInstance.get(instance) ?? []) peer.doubtful = true
  }

  /** Instances that have peers here. */
  instances(): string[] {
    return [...this.#byInstance.keys()]
  }

  #drop(peer: RemotePeer<N>): void {
    const all = this.#byInstance.get(peer.instance)
    if (all?.delete(peer) && all.size === 0) this.#byInstance.delete(peer.instance)
  }
}

/** Of two peers with one id, whether one has had it longer: all instances agree on that. */
export const isOlder = (one: Owner, other: Owner): boolean =>
  one.since < other.since || (one.since === other.since && one.instance < other.instance)

interface Owner {
  readonly since: number
  readonly instance: string
}
