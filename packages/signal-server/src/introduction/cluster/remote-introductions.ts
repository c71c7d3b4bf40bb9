import type { Json } from 'signal-server-protocol'
import { Gathering } from './gathering.js'
import type { Instances } from '../../cluster/instances.js'
import type { LocalIntroductions } from './local-introductions.js'
import type { RemotePeer, RemotePeers } from '../../cluster/remote-peers.js'
import { RemoteSessions, type Told } from './remote-sessions.js'
import { topics } from '../../cluster/topics.js'
import { WaitingRequests } from './waiting-requests.js'
import { WantedKeys } from './wanted-keys.js'
import type { BusMessage, Signed } from '../../cluster/wire.js'

type Message<T extends BusMessage['t']> = Signed<Extract<BusMessage, { t: T }>>

/**
 * Introduces peers of different instances. An instance subscribes to the topics of the keys that
 * its peers want and *then* publishes the Join; whoever hears it introduces its own peers, and
 * answers with them. Since each subscribes before it publishes, one of two always hears the other.
 */
export class RemoteIntroductions {
  readonly #sessions: RemoteSessions
  readonly #remote: RemotePeers
  readonly #wanted: WantedKeys
  readonly #gathering: Gathering
  /** Requests about keys that wait for the bus. */
  readonly waiting: WaitingRequests

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
  ) {
    this.waiting = new WaitingRequests(instances.bus)
    this.#gathering = new Gathering(instances)
    this.#wanted = new WantedKeys(instances, local, (topic) => this.#remote.forget(topic))
    this.#sessions = new RemoteSessions(
      instances.id,
      local,
      this.#gathering,
      (app, key) => this.#wanted.hasPeersOn(app, key),
      (app, id, keys) => this.renew(app, id, local.takeOver(app, id, keys)),
    )
    this.#remote = this.#sessions.peers
    instances.on('join', (join) => this.#joined(join))
    instances.on('renew', (renew) => this.#joined(renew))
    instances.on('state', (state) => this.#joined(state))
    instances.on('here', (here) => this.#answered(here))
    instances.on('leave', (leave) => this.#sessions.leave(leave))
    instances.on('update', (update) => this.#updated(update))
    instances.on('signal', ({ app, from, to, key, signal }) => {
      local.signalRemote(app, from, to, key, signal)
    })
    instances.on('again', ({ app, key, to, about }) => this.#again(app, key, to, about))
    instances.on('anew', ({ instance }) => this.#remote.doubt(instance))
    instances.on('told', ({ answer = false, instance, round }) => {
      for (const peer of this.#remote.ofInstance(instance, true)) this.#sessions.leave(peer)
      if (answer) return
      this.#gathering.whenTold(instance, () => {
        instances.send(instance, { t: 'told', answer: true, round })
      })
    })
    instances.onDeath((instance) => {
      for (const peer of this.#remote.ofInstance(instance)) this.#sessions.leave(peer)
    })
    instances.onReturn(() => {
      for (const instance of this.#remote.instances()) this.#remote.doubt(instance)
    })
  }

  /**
   * A peer here wants keys, and an introduction for each.
   * @param fresh - those of them that it did not want before
   */
  join(app: string, id: string, keys: readonly string[], fresh: readonly string[]): void {
    for (const key of fresh) {
      this.#wanted.want(app, key, id)
      // known from a moment ago, when the key was wanted here as well
      this.#sessions.rank(app, key, id)
    }
    this.#wanted.tell(app, keys, id)
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    this.#wanted.leave(app, id, keys)
  }

  /**
   * The newest session of a peer here that has joined these keys is an older one now.
   * @param t - whether it is to be told of the peers of other instances
   */
  renew(app: string, id: string, keys: readonly string[], t: 'renew' | 'state' = 'renew'): void {
    this.#wanted.tell(app, keys, id, t)
  }

  /** A session here had the introductions of these keys, and has left them. */
  passOn(app: string, id: string, keys: readonly string[]): void {
    for (const key of keys) this.#sessions.introduceAgain(this.#here(app, key, id))
  }

  /**
   * Introductions of a peer that came back all the time have waited.
   * @param inherited - those of the keys for which a session here has not asked
   */
  tellAgain(app: string, id: string, keys: readonly string[], inherited: readonly string[]): void {
    for (const key of keys) this.#sessions.introduce(this.#here(app, key, id))
    const ours = inherited.filter((key) => this.local.has(app, key, id))
    if (ours.length > 0) this.#wanted.tell(app, ours, id)
  }

  /** The newest session of a peer here that has joined these keys has announced something. */
  *announce(
    app: string,
    id: string,
    keys: readonly string[],
    what: { info: Json; announced: number },
  ): Generator<void, void, void> {
    const byInstance = new Map<string, string[]>()
    for (const key of keys) {
      for (const instance of this.#remote.instancesOn(topics.key(app, key))) {
        const shared = byInstance.get(instance)
        if (shared) shared.push(key)
        else byInstance.set(instance, [key])
      }
      yield
    }
    for (const [instance, shared] of byInstance) {
      this.instances.send(instance, { t: 'update', app, id, keys: shared, ...what })
    }
  }

  /** How many remote peers want a key. */
  count(app: string, key: string): number {
    return this.#remote.count(topics.key(app, key))
  }

  /** Whether a remote peer with this id wants a key. */
  has(app: string, id: string, key: string): boolean {
    return this.#remote.find(topics.key(app, key), id) !== undefined
  }

  /** The remote peers that have this id and want a key: one on each instance, at most. */
  all(app: string, id: string, key: string): readonly RemotePeer[] {
    return this.#remote.all(topics.key(app, key), id)
  }

  /** Brings a signal to a remote peer. */
  signal({ app, id, key, instance }: RemotePeer, from: string, signal: Json): void {
    this.instances.send(instance, { t: 'signal', app, from, to: id, key, signal })
  }

  /** Introduces a peer to another once more, wherever it is; both may be remote. */
  introduceAgain(app: string, key: string, to: string, about: string): void {
    if (this.#again(app, key, to, about)) return
    this.instances.publish(topics.key(app, key), { t: 'again', app, key, to, about })
  }

  close(): void {
    this.#gathering.close()
    this.#wanted.close()
  }

  #joined({ t, app, key, peer, instance, more }: Message<'join' | 'renew' | 'state'>): void {
    const { id } = peer
    const told = { app, key, id, instance, more }
    const isNews = this.#sessions.know(told, peer)
    if (t === 'state' || !this.#wanted.hasPeersOn(app, key)) return
    // a session that asks is introduced once more
    if (t === 'join' && !isNews) this.#sessions.introduceAgain(told)
    this.#gathering.add(['answer', t, app, id, instance], key, told, (keys) => {
      this.#answer(t, app, keys, id, instance)
    })
  }

  /** Answers a remote peer that wants these keys with the peers here that do. */
  #answer(t: 'join' | 'renew', app: string, keys: string[], id: string, instance: string): void {
    const wanted = keys.filter((key) => this.#wanted.hasPeersOn(app, key))
    for (const [n, key] of wanted.entries()) {
      const peers = this.#wanted.peersOn(app, key)
      const more = n + 1 < wanted.length
      const theirs = this.#remote.at(topics.key(app, key), id, instance)
      const here = { t: 'here', app, key, to: id, peers, knows: theirs?.announced } as const
      this.instances.send(instance, { ...here, ...(more && { more }) })
    }
    if (t === 'renew') return
    // an older session of the same peer has asked: the newest, which is here, gets the answer
    const ours = wanted.filter((key) => this.local.has(app, key, id))
    if (ours.length > 0) this.#wanted.tell(app, this.local.takeOver(app, id, ours), id)
  }

  #answered({ app, key, to, peers, knows, instance, more }: Message<'here'>): void {
    for (const peer of peers) {
      const told = { app, key, id: peer.id, instance, more }
      const wasThere = this.has(app, peer.id, key) || this.local.peerOn(app, key, peer.id)
      this.#sessions.know(told, peer, !wasThere)
      this.#sessions.introduce(told, to)
    }
    // the answer may have crossed something that was announced
    const own = this.local.peerOn(app, key, to)
    if (own?.info === undefined || own.announced === undefined || own.announced === knows) return
    const { info, announced } = own
    this.instances.send(instance, { t: 'update', app, id: to, keys: [key], info, announced })
  }

  #updated({ app, id, keys, info, announced, instance }: Message<'update'>): void {
    for (const key of keys) {
      const peer = this.#remote.at(topics.key(app, key), id, instance)
      // a peer that is not known yet tells what it has announced when it becomes known
      if (peer) this.#sessions.know({ app, key, id, instance }, { ...peer, info, announced })
    }
  }

  /** @returns whether it was for this instance to do, and is done */
  #again(app: string, key: string, to: string, about: string): boolean {
    if (this.#sessions.newest(app, key, to) !== 'here') return false
    const newest = this.#sessions.newest(app, key, about)
    const other = newest === 'here' ? this.local.peerOn(app, key, about) : newest
    if (other) this.local.introduceAgain(app, other, key, to)
    return true
  }

  #here(app: string, key: string, id: string): Told {
    return { app, key, id, instance: this.instances.id }
  }
}
