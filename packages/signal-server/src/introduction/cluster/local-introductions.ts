import type { Json } from 'signal-server-protocol'
import type { PeerNotice } from '../../cluster/wire.js'
import { Audience } from '../sessions/audience.js'
import type { Dialect } from '../dialects/dialect.js'
import type { Introducer } from '../sessions/introducer.js'
import { bySession, introductionOf, tellOthers, tellReplaced } from '../sessions/introductions.js'
import type { Peer } from '../sessions/peer.js'
import type { Session } from '../sessions/session.js'
import type { SlicedWork, Steps } from '../../limits/sliced-work.js'
import type { Realms } from '../sessions/realms.js'

/**
 * What is shown of a session of a peer on another instance, on a key; undefined if another session of
 * the peer has the key's introductions now, or none.
 */
export type Shown = (key: string) => PeerNotice | undefined

/** The introductions of this instance, as far as the other instances are concerned with them. */
export class LocalIntroductions {
  /** Whether a session can read Signals. */
  readonly #reads = ({ dialect }: Session): boolean => dialect === this.v1

  /**
   * @param realms - of all apps
   * @param v1 - the dialect that knows more than Introductions
   * @param introduced - called for each pair of which one is told here
   */
  constructor(
    private readonly realms: Realms<Session>,
    private readonly v1: Dialect,
    private readonly work: SlicedWork,
    private readonly introducer: Introducer,
    private readonly introduced: (
      app: string,
      ids: readonly [string, string],
      keys: readonly string[],
    ) => void,
  ) {}

  /** How many peers here want a key. */
  count(app: string, key: string): number {
    return this.realms.get(app)?.interests.count(key) ?? 0
  }

  /** The peers here that want a key. */
  peersOn(app: string, key: string): PeerNotice[] {
    const peers = this.realms.get(app)?.interests.peers(key) ?? []
    return Array.from(peers, (peer) => this.#notice(peer, key))
  }

  /** One of them. */
  peerOn(app: string, key: string, id: string): PeerNotice | undefined {
    const peer = this.#peer(app, id)
    return peer?.has(key) ? this.#notice(peer, key) : undefined
  }

  /** Whether a session here has the introductions of a peer on a key. */
  has(app: string, key: string, id: string): boolean {
    return this.#peer(app, id)?.sessionFor(key) !== undefined
  }

  /**
   * Tells the peers here that want these keys of a session of another instance.
   * @param to - the only one who is to be told
   */
  introduceRemote(app: string, id: string, keys: string[], shown: Shown, to?: string): void {
    const steps = to === undefined ? this.#tellAll : this.#tellOne
    this.#run(id, steps.call(this, { app, id, shown }, keys, to))
  }

  /** Two peers whose connection has failed are introduced once more; one or both are remote. */
  introduceAgain(app: string, about: PeerNotice, key: string, to: string): void {
    const target = this.#peer(app, to)?.sessionFor(key)
    target?.tell({ ...introductionOf(about, [key]), again: true })
    if (target) this.introduced(app, [to, about.id], [key])
  }

  /**
   * Sessions that are here have these keys now, without having asked, and are introduced.
   * @returns the keys on which that is done now: a peer that comes back all the time waits
   */
  takeOver(app: string, id: string, keys: string[]): string[] {
    return this.introducer.takeOver(app, id, keys)
  }

  /**
   * A peer is to be introduced on a key to those here.
   * @param shown - whether they know it there already
   * @returns whether that is to be done now; otherwise it is done later, if it still is there
   */
  admit(app: string, id: string, key: string, shown: boolean): boolean {
    return this.introducer.admit(app, id, key, shown)
  }

  /**
   * A peer has left a key, on all instances.
   * @returns whether those here are to be told
   */
  leaves(app: string, id: string, key: string): boolean {
    return this.introducer.leaves(app, id, key)
  }

  /** A newer session of a peer, on another instance, has these keys now. */
  replaced(app: string, id: string, keys: string[]): void {
    const peer = this.#peer(app, id)
    const replaced = (key: string) => (peer?.sessionFor(key) ? undefined : peer?.newestWith(key))
    tellReplaced(bySession(keys, replaced))
  }

  /** The same of one whose introduction waits. */
  replacedLater(app: string, id: string, key: string): void {
    this.introducer.replacedRemotely(app, id, key)
  }

  /** A peer of another instance has left these keys. */
  departRemote(app: string, id: string, keys: string[]): void {
    const realm = this.realms.get(app)
    const gone = (key: string) => !this.introducer.isShown(app, id, key)
    if (!realm) return
    this.#run(
      id,
      tellOthers(realm, id, keys, gone, (left) => ({ type: 'departure', id, keys: left })),
    )
  }

  /** A session of another instance, which has these keys, has announced something. */
  updateRemote(app: string, id: string, keys: string[], shown: Shown): void {
    const realm = this.realms.get(app)
    if (!realm) return
    // all at once, unless some of it has not come yet
    for (const announced of new Set(keys.map((key) => shown(key)?.announced))) {
      const still = (key: string) =>
        shown(key)?.announced === announced && !this.introducer.isDelayed(app, id, key)
      const first = keys.find(still)
      const info = first === undefined ? undefined : shown(first)?.info
      if (announced === undefined || info === undefined) continue
      const notice = (common: readonly string[]) =>
        ({ type: 'update', id, info, keys: common }) as const
      this.#run(id, tellOthers(realm, id, keys.filter(still), still, notice))
    }
  }

  /** A remote peer signals one here, with which it shares this key. */
  signalRemote(app: string, from: string, to: string, key: string, signal: Json): void {
    const receiver = this.#peer(app, to)?.newestWith(key, this.#reads)
    receiver?.tell({ type: 'signal', from, signal })
  }

  /** Sessions of a peer that are here and came before this do not have a key's introductions. */
  outranked(app: string, id: string, key: string, before: number | undefined): void {
    const realm = this.realms.get(app)
    const peer = realm?.peers.get(id)
    const session = peer?.sessionFor(key)
    peer?.outranked(key, before)
    if (peer?.sessionFor(key) !== session) realm!.changes++
  }

  /** Every peer here, with its keys. */
  *everyone(): Iterable<{ app: string; id: string; keys: Iterable<string> }> {
    for (const { app, peers } of this.realms.all()) {
      for (const { id, keys } of peers.values()) yield { app, id, keys }
    }
  }

  /** Does what there is to do about a remote peer, which takes turns with others: its address is not known. */
  #run(id: string, steps: Steps): void {
    this.work.run(steps, undefined, { of: `remote peer ${id}` })
  }

  #peer(app: string, id: string): Peer<Session> | undefined {
    return this.realms.get(app)?.peers.get(id)
  }

  /** A peer as other instances know it. */
  #notice(peer: Peer<Session>, key: string): PeerNotice {
    const { id } = peer
    const { arrival: since = 0, announcement, link } = peer.newestWith(key) ?? {}
    const reads = peer.newestWith(key, this.#reads)?.arrival
    const said = announcement && { info: announcement.info, announced: announcement.at }
    return {
      id,
      since,
      ...(reads !== undefined && { reads }),
      ...said,
      ...(link !== undefined && { link }),
    }
  }

  *#tellAll(about: About, keys: string[]): Steps {
    // all who were there may have left while this waited for its turn
    const realm = this.realms.get(about.app)
    if (!realm) return
    const audience = new Audience(realm, about.id, keys)
    yield* audience.gather()
    for (const target of audience) {
      this.#tell(target, about, audience.keysOf(target))
      yield
    }
  }

  *#tellOne(about: About, keys: string[], to?: string): Steps {
    const peer = to === about.id ? undefined : this.#peer(about.app, to!)
    for (const target of bySession(keys, (key) => peer?.sessionFor(key)).keys()) {
      // a session that has asked, and shares many keys with many, is told no faster than it reads
      while (target.congested) yield target.drained()
      this.#tell(
        target,
        about,
        keys.filter((key) => peer!.sessionFor(key) === target),
      )
      yield
    }
  }

  #tell(target: Session, { app, id, shown }: About, keys: readonly string[]): void {
    const common = keys.filter((key) => shown(key) && !this.introducer.isHidden(app, id, key))
    if (common.length === 0) return
    // all of these are of one session, which may not have told of each key yet what it announced last
    const newest = common
      .map((key) => shown(key)!)
      .reduce((one, other) => ((other.announced ?? 0) > (one.announced ?? 0) ? other : one))
    target.tell(introductionOf(newest, common))
    this.introduced(app, [target.id, id], common)
  }
}

/** A session of another instance that peers here are told about. */
interface About {
  readonly app: string
  readonly id: string
  readonly shown: Shown
}
