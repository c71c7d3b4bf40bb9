import type { Json } from 'signal-protocol'
import { AnnouncementsAcross } from './announcements-across.js'
import { Gathering } from './gathering.js'
import type { Instances } from './instances.js'
import type { LocalIntroductions } from './local-introductions.js'
import { RemotePeers, type RemotePeer } from './remote-peers.js'
import { topics } from './topics.js'
import { UpdatesAcross } from './updates-across.js'
import { WantedKeys } from './wanted-keys.js'
import type { PeerNotice } from './wire.js'

/** What another instance says of one key, and whether it may have more to say. */
interface Told {
  app: string
  key: string
  instance: string
  more?: boolean
}

/**
 * Introduces peers of different instances. An instance subscribes to the topics of the keys that
 * its peers want and *then* publishes the Join; whoever hears it introduces its own peers, and
 * answers with them. Since each subscribes before it publishes, one of two always hears the other.
 */
export class IntroductionsAcross {
  readonly #remote = new RemotePeers()
  readonly #wanted: WantedKeys
  readonly #gathering: Gathering
  readonly #updates: UpdatesAcross
  readonly #announcements: AnnouncementsAcross

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
  ) {
    this.#gathering = new Gathering(instances)
    this.#updates = new UpdatesAcross(instances, this.#remote, local)
    this.#announcements = new AnnouncementsAcross(instances, local, this.#updates)
    this.#wanted = new WantedKeys(instances, local, (topic) => this.#remote.forget(topic))
    instances.on('join', (join) => this.#joined(join))
    instances.on('here', (here) => {
      for (const peer of here.peers) this.#met({ ...here, peer }, here.to)
    })
    instances.on('renew', ({ app, key, peer, instance }) => {
      if (this.#remote.at(topics.key(app, key), peer.id, instance)) {
        this.#know(app, key, peer, instance)
      }
    })
    instances.on('leave', (leave) => this.#left(leave))
    instances.on('signal', ({ app, from, to, key, signal }) => {
      local.signalRemote(app, from, to, key, signal)
    })
    instances.on('again', ({ app, key, to, about }) => this.#again(app, key, to, about))
    instances.on('anew', ({ instance }) => this.#remote.doubt(instance))
    instances.on('told', ({ answer = false, instance, round }) => {
      this.#lost(this.#remote.ofInstance(instance, true))
      if (answer) return
      this.#gathering.whenTold(instance, () => {
        instances.send(instance, { t: 'told', answer: true, round })
      })
    })
    instances.onDeath((instance) => this.#lost(this.#remote.ofInstance(instance)))
    instances.onReturn(() => {
      for (const instance of this.#remote.instances()) this.#remote.doubt(instance)
    })
  }

  /**
   * A peer here wants keys, and an introduction for each.
   * @param fresh - those of them that it did not want before
   */
  join(app: string, id: string, keys: readonly string[], fresh: readonly string[]): void {
    this.#announcements.enter(app, id)
    for (const key of fresh) {
      this.#wanted.want(app, key, id)
      // known from a moment ago, when the key was wanted here as well
      this.#rank(app, key, id)
    }
    this.#wanted.tell(app, keys, id)
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    this.#wanted.leave(app, id, keys)
  }

  /** A session has left these keys, or is gone: its peer may have an older one that has them. */
  renew(app: string, id: string, keys: Iterable<string>): void {
    this.#announcements.look(app, id)
    for (const key of keys) {
      const topic = topics.key(app, key)
      const peer = this.#remote.find(topic, id) && this.local.peerOn(app, key, id)
      if (peer) this.instances.publish(topic, { t: 'renew', app, key, peer })
    }
  }

  /** A session of a peer here has announced something. */
  announce(app: string, id: string): void {
    this.#announcements.enter(app, id)
    this.#announcements.look(app, id)
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
   * The peer elsewhere that has this id and wants one of these keys; of several the one with the
   * newest session that can read a Signal.
   */
  find(app: string, id: string, keys: Iterable<string>): RemotePeer | undefined {
    let best: RemotePeer | undefined
    for (const key of keys) {
      for (const peer of this.#remote.all(topics.key(app, key), id)) {
        if (!best || (peer.reads ?? 0) > (best.reads ?? 0)) best = peer
      }
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
    this.#announcements.close()
    this.#gathering.close()
    this.#wanted.close()
  }

  #joined(join: Told & { peer: PeerNotice }): void {
    this.#met(join)
    const { app, peer, instance } = join
    if (!this.#wanted.hasPeersOn(app, join.key)) return
    this.#gathering.add(['answer', app, peer.id, instance], join.key, join, (keys) =>
      this.#answer(app, keys, peer.id, instance),
    )
  }

  /** Answers a peer elsewhere that wants these keys with the peers here that do. */
  #answer(app: string, keys: string[], id: string, instance: string): void {
    const wanted = keys.filter((key) => this.#wanted.hasPeersOn(app, key))
    const ours: string[] = []
    for (const [n, key] of wanted.entries()) {
      const peers = this.#wanted.peersOn(app, key)
      const more = n + 1 < wanted.length
      const theirs = this.#remote.at(topics.key(app, key), id, instance)
      const here = { t: 'here', app, key, to: id, peers, knows: theirs?.announced } as const
      this.instances.send(instance, { ...here, ...(more && { more }) })
      const mine = this.local.peerOn(app, key, id)
      if (theirs && mine && mine.since > theirs.since) ours.push(key)
    }
    if (ours.length === 0) return
    // an older session of the same peer has asked: the newest, which is here, gets the answer
    this.local.introduceHere(app, id, ours)
    this.#wanted.tell(app, ours, id)
  }

  /** @param to - the only one here who is to be told */
  #met(met: Told & { peer: PeerNotice }, to?: string): void {
    const { app, key, peer, instance } = met
    this.#know(app, key, peer, instance)
    const { id } = peer
    if (to === undefined && !this.#wanted.hasPeersOn(app, key)) return
    this.#gathering.add(['met', app, id, instance, to], key, met, (keys) => {
      const still = (key: string) =>
        this.#remote.at(topics.key(app, key), id, instance) !== undefined
      const info = (hears: (key: string) => boolean) =>
        this.#updates.newest({ app, id, instance }, keys, hears)
      this.local.introduceRemote(app, id, info, keys, still, to)
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

  #left(left: Told & { id: string }): void {
    const { app, key, id, instance } = left
    if (!this.#remote.remove(topics.key(app, key), instance, id)) return
    this.#rank(app, key, id)
    this.#gathering.add(['left', app, id], key, left, (keys) => {
      const still = (key: string) => !this.has(app, id, key) && !this.local.peerOn(app, key, id)
      this.local.departRemote(app, id, keys, still)
    })
  }

  /**
   * These are gone without a word. Whoever came before that was known was left to them, so the older
   * sessions that some of them have here make up for it.
   */
  #lost(peers: readonly RemotePeer[]): void {
    const heirs = new Map<string, { app: string; id: string; keys: string[] }>()
    for (const peer of peers) {
      const { app, key, id } = peer
      const wasNewest = this.#isOutranked(app, key, id)
      this.#left(peer)
      if (!wasNewest || this.#isOutranked(app, key, id)) continue
      const name = JSON.stringify([app, id])
      const heir = heirs.get(name)
      if (heir) heir.keys.push(key)
      else heirs.set(name, { app, id, keys: [key] })
    }
    for (const { app, id, keys } of heirs.values()) {
      const still = (key: string) => this.local.peerOn(app, key, id) !== undefined
      const info = () => this.local.peer(app, id)?.announcement?.info
      this.local.introduceHere(app, id, keys)
      this.local.introduceRemote(app, id, info, keys, still)
      this.#wanted.tell(app, keys, id)
    }
  }

  /** Whether a peer here that has a key has a newer session with it elsewhere. */
  #isOutranked(app: string, key: string, id: string): boolean {
    const here = this.local.peerOn(app, key, id)
    const elsewhere = this.#remote.find(topics.key(app, key), id)
    return here !== undefined && elsewhere !== undefined && elsewhere.since > here.since
  }

  /** @returns whether it was for this instance to do, and is done */
  #again(app: string, key: string, to: string, about: string): boolean {
    const topic = topics.key(app, key)
    if (!this.local.peerOn(app, key, to) || this.#isOutranked(app, key, to)) return false
    const other = this.local.peerOn(app, key, about) ?? this.#remote.find(topic, about)
    if (other) this.local.introduceAgain(app, other, key, to)
    return true
  }
}
