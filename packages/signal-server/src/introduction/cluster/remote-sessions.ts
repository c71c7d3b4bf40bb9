import type { Gathering } from './gathering.js'
import type { LocalIntroductions, Shown } from './local-introductions.js'
import { RemotePeers, type RemotePeer } from '../../cluster/remote-peers.js'
import { topics } from '../../cluster/topics.js'
import type { PeerNotice } from '../../cluster/wire.js'
import { isLinkSession } from '../../upgrade/link-offer.js'

/** What another instance says of a peer on one key, and whether it may have more to say. */
export interface Told {
  app: string
  key: string
  id: string
  instance: string
  more?: boolean | undefined
}

/**
 * Which sessions have the introductions of keys, over all instances: each tells of the newest session
 * that a peer has there on a key, and the newest of these has them. So all instances agree as soon as
 * each has heard what the others tell, in whichever order. What changes is told to the peers here.
 */
export class RemoteSessions {
  readonly peers = new RemotePeers()
  /** Peers on keys, by name, that have just come: nobody here has been told yet. */
  readonly #untold = new Set<string>()

  /**
   * @param instance - this one
   * @param hears - whether a key has peers here that have told so; others are told when they are
   * answered
   * @param inherited - called with keys that a session here has the introductions of now
   */
  constructor(
    private readonly instance: string,
    private readonly local: LocalIntroductions,
    private readonly gathering: Gathering,
    private readonly hears: (app: string, key: string) => boolean,
    private readonly inherited: (app: string, id: string, keys: string[]) => void,
  ) {}

  /**
   * Another instance tells of its newest session of a peer on a key.
   * @param quiet - nobody need be told if this is the newest session of the peer
   * @returns whether it is, and was not before
   */
  know(told: Told, notice: PeerNotice, quiet = false): boolean {
    const { since, reads, info, announced } = notice
    const { app, key, id, instance } = told
    if (typeof id !== 'string' || typeof since !== 'number') throw new TypeError('no peer')
    const link = isLinkSession(notice.link) ? notice.link : undefined
    const peer = { id, since, reads, info, announced, link, app, key, instance, doubtful: false }
    return this.#change(told, () => this.peers.add(peer), quiet)
  }

  /** A peer has left a key on another instance. */
  leave(told: Told): void {
    const { app, key, id, instance } = told
    this.#change(told, () => this.peers.remove(topics.key(app, key), instance, id))
  }

  /** The session that has a peer's introductions on a key. */
  newest(app: string, key: string, id: string): RemotePeer | 'here' | undefined {
    if (this.local.has(app, key, id)) return 'here'
    return this.peers.find(topics.key(app, key), id)
  }

  /** Tells the sessions here that a peer has on a key whether a newer one is on another instance. */
  rank(app: string, key: string, id: string): void {
    const remote = this.peers.find(topics.key(app, key), id)
    // of two sessions that came at the same time, all instances take the same one
    const isLast = remote && remote.instance > this.instance
    this.local.outranked(app, id, key, remote && (isLast ? remote.since + 1 : remote.since))
  }

  /** Introduces the session that has a key's introductions to all here, if it is on another instance. */
  introduceAgain(told: Told): void {
    const { app, key, id } = told
    if (!isRemote(this.newest(app, key, id)) || !this.hears(app, key)) return
    if (this.local.admit(app, id, key, true)) this.introduce(told)
  }

  /**
   * The same without a pause.
   * @param to - the only one here who is to be told
   */
  introduce(told: Told, to?: string): void {
    const { app, key, id } = told
    const newest = this.newest(app, key, id)
    if (!isRemote(newest)) return
    this.gathering.add(['met', app, id, newest.instance, newest.since, to], key, told, (keys) => {
      for (const each of keys) this.#untold.delete(nameOf({ app, id, key: each }))
      this.local.introduceRemote(app, id, keys, this.#shown(newest), to)
    })
  }

  /**
   * Changes what is known of a peer on a key, and tells those here for whom that changes something.
   * @returns whether another session has the key's introductions by that
   */
  #change(told: Told, change: () => void, quiet = false): boolean {
    const { app, key, id } = told
    const before = this.newest(app, key, id)
    change()
    this.rank(app, key, id)
    const after = this.newest(app, key, id)
    if (isSame(before, after)) {
      if (isRemote(before) && isRemote(after) && before.announced !== after.announced) {
        this.#update(told, after)
      }
      return false
    }
    if (!after) this.#depart(told)
    else if (isRemote(after)) {
      const waits = this.hears(app, key) && !quiet && !this.local.admit(app, id, key, !!before)
      if (before === 'here' && waits) this.local.replacedLater(app, id, key)
      else if (before === 'here') this.#replace(told)
      if (!waits && !quiet && this.hears(app, key)) {
        if (!before) this.#untold.add(nameOf(told))
        this.introduce(told)
      }
    } else {
      this.gathering.add(['heir', app, id], key, told, (keys) => this.inherited(app, id, keys))
    }
    return true
  }

  #update(told: Told, newest: RemotePeer): void {
    const { app, key, id } = told
    this.gathering.add(['update', app, id, newest.instance, newest.since], key, told, (keys) =>
      this.local.updateRemote(app, id, keys, this.#shown(newest)),
    )
  }

  #depart(told: Told): void {
    const { app, key, id } = told
    if (this.#untold.delete(nameOf(told)) || !this.local.leaves(app, id, key)) return
    this.gathering.add(['left', app, id], key, told, (keys) =>
      this.local.departRemote(app, id, keys),
    )
  }

  #replace(told: Told): void {
    const { app, key, id } = told
    this.gathering.add(['replaced', app, id], key, told, (keys) =>
      this.local.replaced(app, id, keys),
    )
  }

  /** What is shown of a session of another instance on a key. */
  #shown({ app, id, instance, since }: RemotePeer): Shown {
    return (key) => {
      const newest = this.newest(app, key, id)
      return isRemote(newest) && isSame(newest, { instance, since }) ? newest : undefined
    }
  }
}

const nameOf = ({ app, key, id }: Pick<Told, 'app' | 'key' | 'id'>) =>
  JSON.stringify([app, id, key])

type Newest = Pick<RemotePeer, 'instance' | 'since'> | 'here' | undefined

const isRemote = (newest: RemotePeer | 'here' | undefined): newest is RemotePeer =>
  typeof newest === 'object'

const isSame = (one: Newest, other: Newest): boolean =>
  typeof one === 'object' && typeof other === 'object'
    ? one.instance === other.instance && one.since === other.since
    : one === other
