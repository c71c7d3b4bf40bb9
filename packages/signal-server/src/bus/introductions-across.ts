import type { Json } from 'signal-protocol'
import { Gathering } from './gathering.js'
import type { Instances } from './instances.js'
import type { LocalIntroductions, Shown } from './local-introductions.js'
import { RemotePeers, type RemotePeer } from './remote-peers.js'
import { topics } from './topics.js'
import { WantedKeys } from './wanted-keys.js'
import type { BusMessage, PeerNotice, Signed } from './wire.js'

type Message<T extends BusMessage['t']> = Signed<Extract<BusMessage, { t: T }>>

/** What another instance says of a peer on one key, and whether it may have more to say. */
interface Told {
  app: string
  key: string
  id: string
  instance: string
  more?: boolean | undefined
}

/**
 * Introduces peers of different instances. An instance subscribes to the topics of the keys that
 * its peers want and *then* publishes the Join; whoever hears it introduces its own peers, and
 * answers with them. Since each subscribes before it publishes, one of two always hears the other.
 *
 * Each instance tells of the newest session that a peer has there on a key, and nothing else. Of all
 * that it hears, each takes the newest session: this one has the introductions of the key. So all
 * instances agree as soon as each has heard what the others tell, in whichever order.
 */
export class IntroductionsAcross {
  readonly #remote = new RemotePeers()
  readonly #wanted: WantedKeys
  readonly #gathering: Gathering

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
  ) {
    this.#gathering = new Gathering(instances)
    this.#wanted = new WantedKeys(instances, local, (topic) => this.#remote.forget(topic))
    instances.on('join', (join) => this.#joined(join))
    instances.on('renew', (renew) => this.#joined(renew))
    instances.on('here', (here) => this.#answered(here))
    instances.on('leave', (leave) => this.#left(leave))
    instances.on('update', (update) => this.#updated(update))
    instances.on('signal', ({ app, from, to, key, signal }) => {
      local.signalRemote(app, from, to, key, signal)
    })
    instances.on('again', ({ app, key, to, about }) => this.#again(app, key, to, about))
    instances.on('anew', ({ instance }) => this.#remote.doubt(instance))
    instances.on('told', ({ answer = false, instance, round }) => {
      for (const peer of this.#remote.ofInstance(instance, true)) this.#left(peer)
      if (answer) return
      this.#gathering.whenTold(instance, () => {
        instances.send(instance, { t: 'told', answer: true, round })
      })
    })
    instances.onDeath((instance) => {
      for (const peer of this.#remote.ofInstance(instance)) this.#left(peer)
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
      this.#rank(app, key, id)
    }
    this.#wanted.tell(app, keys, id)
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    this.#wanted.leave(app, id, keys)
  }

  /** The newest session of a peer here that has joined these keys is an older one now. */
  renew(app: string, id: string, keys: readonly string[]): void {
    this.#wanted.tell(app, keys, id, 'renew')
  }

  /** A session here had the introductions of these keys, and has left them. */
  passOn(app: string, id: string, keys: readonly string[]): void {
    for (const key of keys) this.#introduce({ app, key, id, instance: this.instances.id })
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

  /** How many peers elsewhere want a key. */
  count(app: string, key: string): number {
    return this.#remote.count(topics.key(app, key))
  }

  /** Whether a peer with this id wants a key elsewhere. */
  has(app: string, id: string, key: string): boolean {
    return this.#remote.find(topics.key(app, key), id) !== undefined
  }

  /** The peers elsewhere that have this id and want a key: one on each instance, at most. */
  all(app: string, id: string, key: string): readonly RemotePeer[] {
    return this.#remote.all(topics.key(app, key), id)
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
    this.#gathering.close()
    this.#wanted.close()
  }

  #joined({ t, app, key, peer, instance, more }: Message<'join'> | Message<'renew'>): void {
    const { id } = peer
    const told = { app, key, id, instance, more }
    const isNews = this.#know(told, peer)
    if (!this.#wanted.hasPeersOn(app, key)) return
    // a session that asks is introduced once more
    if (t === 'join' && !isNews) this.#introduce(told)
    this.#gathering.add(['answer', t, app, id, instance], key, told, (keys) => {
      this.#answer(t, app, keys, id, instance)
    })
  }

  /** Answers a peer elsewhere that wants these keys with the peers here that do. */
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
    if (ours.length === 0) return
    this.local.takeOver(app, id, ours)
    this.#wanted.tell(app, ours, id)
  }

  #answered({ app, key, to, peers, knows, instance, more }: Message<'here'>): void {
    for (const peer of peers) {
      const told = { app, key, id: peer.id, instance, more }
      const wasThere = this.has(app, peer.id, key) || this.local.peerOn(app, key, peer.id)
      this.#know(told, peer, !wasThere)
      this.#introduce(told, to)
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
      if (peer) this.#know({ app, key, id, instance }, { ...peer, info, announced })
    }
  }

  #left(left: Told): void {
    const { app, key, id, instance } = left
    this.#change(left, () => this.#remote.remove(topics.key(app, key), instance, id))
  }

  /**
   * @param quiet - nobody need be told if this is the newest session of the peer
   * @returns whether the newest session of the peer is another one than before
   */
  #know(told: Told, { since, reads, info, announced }: PeerNotice, quiet = false): boolean {
    const { app, key, id, instance } = told
    if (typeof id !== 'string' || typeof since !== 'number') throw new TypeError('no peer')
    const peer = { id, since, reads, info, announced, app, key, instance, doubtful: false }
    return this.#change(told, () => this.#remote.add(peer), quiet)
  }

  /**
   * Changes what is known of a peer on a key, and tells those here for whom that changes something.
   * @returns whether another session has the key's introductions by that
   */
  #change(told: Told, change: () => void, quiet = false): boolean {
    const { app, key, id } = told
    const before = this.#newest(app, key, id)
    change()
    this.#rank(app, key, id)
    const after = this.#newest(app, key, id)
    if (isSame(before, after)) {
      if (isRemote(before) && isRemote(after) && before.announced !== after.announced) {
        this.#gathering.add(['update', app, id, after.instance, after.since], key, told, (keys) =>
          this.local.updateRemote(app, id, keys, this.#shown(after)),
        )
      }
      return false
    }
    if (!after) {
      this.#gathering.add(['left', app, id], key, told, (keys) =>
        this.local.departRemote(app, id, keys),
      )
    } else if (isRemote(after)) {
      this.#gathering.add(['replaced', app, id], key, told, (keys) =>
        this.local.replaced(app, id, keys),
      )
      if (!quiet) this.#introduce(told)
    } else {
      this.#gathering.add(['heir', app, id], key, told, (keys) => {
        this.local.takeOver(app, id, keys)
        this.renew(app, id, keys)
      })
    }
    return true
  }

  /**
   * Introduces the session that has a key's introductions, if it is on another instance.
   * @param to - the only one here who is to be told
   */
  #introduce(told: Told, to?: string): void {
    const { app, key, id } = told
    const newest = this.#newest(app, key, id)
    if (!isRemote(newest)) return
    // peers that have not told yet that they want the key are told when they are answered
    if (to === undefined && !this.#wanted.hasPeersOn(app, key)) return
    this.#gathering.add(['met', app, id, newest.instance, newest.since, to], key, told, (keys) =>
      this.local.introduceRemote(app, id, keys, this.#shown(newest), to),
    )
  }

  /** What is shown of a session of another instance on a key. */
  #shown({ app, id, instance, since }: RemotePeer): Shown {
    return (key) => {
      const newest = this.#newest(app, key, id)
      return isRemote(newest) && isSame(newest, { instance, since }) ? newest : undefined
    }
  }

  /** The session that has a peer's introductions on a key. */
  #newest(app: string, key: string, id: string): RemotePeer | 'here' | undefined {
    if (this.local.has(app, key, id)) return 'here'
    return this.#remote.find(topics.key(app, key), id)
  }

  #rank(app: string, key: string, id: string): void {
    const remote = this.#remote.find(topics.key(app, key), id)
    // of two sessions that came at the same time, all instances take the same one
    const isLast = remote && remote.instance > this.instances.id
    this.local.outranked(app, id, key, remote && (isLast ? remote.since + 1 : remote.since))
  }

  /** @returns whether it was for this instance to do, and is done */
  #again(app: string, key: string, to: string, about: string): boolean {
    if (this.#newest(app, key, to) !== 'here') return false
    const newest = this.#newest(app, key, about)
    const other = newest === 'here' ? this.local.peerOn(app, key, about) : newest
    if (other) this.local.introduceAgain(app, other, key, to)
    return true
  }
}

type Newest = Pick<RemotePeer, 'instance' | 'since'> | 'here' | undefined

const isRemote = (newest: RemotePeer | 'here' | undefined): newest is RemotePeer =>
  typeof newest === 'object'

const isSame = (one: Newest, other: Newest): boolean =>
  typeof one === 'object' && typeof other === 'object'
    ? one.instance === other.instance && one.since === other.since
    : one === other
