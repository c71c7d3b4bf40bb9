import { topics } from './topics.js'
import type { PeerNotice } from './wire.js'

/** A peer of another instance, on one key. */
export interface RemotePeer extends PeerNotice {
  app: string
  key: string
  instance: string
}

/** Which peers of other instances want the keys that are wanted here; forgotten with the keys. */
export class RemotePeers {
  readonly #byTopic = new Map<string, RemotePeer[]>()

  /** Peers on a key's topic, in the order in which they came. */
  on(topic: string): readonly RemotePeer[] {
    return this.#byTopic.get(topic) ?? []
  }

  /** The newest entry of a peer on a key's topic. */
  find(topic: string, id: string): RemotePeer | undefined {
    return this.#byTopic.get(topic)?.findLast((peer) => peer.id === id)
  }

  add(peer: RemotePeer): void {
    const topic = topics.key(peer.app, peer.key)
    this.remove(topic, peer.instance, peer.id)
    const peers = this.#byTopic.get(topic)
    if (peers) peers.push(peer)
    else this.#byTopic.set(topic, [peer])
  }

  /** @returns whether it was there */
  remove(topic: string, instance: string, id: string): boolean {
    const peers = this.#byTopic.get(topic)
    const at = peers?.findIndex((peer) => peer.instance === instance && peer.id === id) ?? -1
    if (!peers || at < 0) return false
    peers.splice(at, 1)
    if (peers.length === 0) this.#byTopic.delete(topic)
    return true
  }

  /** Forgets a key that nobody here wants any more. */
  forget(topic: string): void {
    this.#byTopic.delete(topic)
  }

  /** All that an instance has. */
  ofInstance(instance: string): RemotePeer[] {
    return [...this.#byTopic.values()].flat().filter((peer) => peer.instance === instance)
  }
}
