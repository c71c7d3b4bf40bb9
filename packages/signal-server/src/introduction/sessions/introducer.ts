import type { SlicedWork, Steps } from '../../limits/sliced-work.js'
import { FlapDamping, type Delayed } from './flap-damping.js'
import { addTo, bySession, introduce, tellReplaced, type Introducing } from './introductions.js'
import type { Session } from './session.js'
import type { Realms } from './realms.js'

/** The peers of other instances. */
export interface RemoteIntroducer {
  /** Whether a peer with this id wants a key on another instance. */
  has(app: string, id: string, key: string): boolean
  /** How many peers of other instances want a key. */
  count(app: string, key: string): number
  /**
   * Introductions of a peer that came back all the time have waited, and are made now.
   * @param inherited - those of the keys for which a session here has not asked
   */
  tellAgain(app: string, id: string, keys: readonly string[], inherited: readonly string[]): void
}

/** Introduces peers to each other, and lets the others of a peer that comes back all the time wait. */
export class Introducer {
  readonly #damping = new FlapDamping<Session>((delayed) => this.work.run(this.#tellDue(delayed)))
  /** Set if a bus joins this instance and others. */
  remote: RemoteIntroducer | undefined

  /** @param introduced - called for each pair of which one is told of the other */
  constructor(
    private readonly realms: Realms<Session>,
    private readonly work: SlicedWork,
    private readonly introduced: (
      app: string,
      ids: readonly [string, string],
      keys: readonly string[],
    ) => void,
  ) {}

  /** Whether a peer wants a key, here or on another instance. */
  isPresent(app: string, id: string, key: string): boolean {
    const here = this.realms.get(app)?.peers.get(id)?.has(key)
    return here || this.remote?.has(app, id, key) || false
  }

  /** Whether the others know a peer on a key. */
  isShown(app: string, id: string, key: string): boolean {
    return this.isPresent(app, id, key) && !this.isHidden(app, id, key)
  }

  /** Whether the others do not know a peer on a key yet: it comes back to it all the time. */
  isHidden(app: string, id: string, key: string): boolean {
    return this.#damping.isHidden(app, id, key)
  }

  /** Whether the others are about to be told of a peer on a key, with what it has announced then. */
  isDelayed(app: string, id: string, key: string): boolean {
    return this.#damping.isDelayed(app, id, key)
  }

  /**
   * A peer has left a key, on all instances.
   * @returns whether the others are to be told
   */
  leaves(app: string, id: string, key: string): boolean {
    return this.#damping.leave(app, id, key)
  }

  /**
   * A peer is to be introduced on a key.
   * @param shown - whether the others know it there already
   * @param heir - whether its session there has not asked for that
   * @returns whether they are told now; otherwise they are told in 2 s, if it still is there
   */
  admit(app: string, id: string, key: string, shown: boolean, heir = false): boolean {
    const realm = this.realms.get(app)
    const peer = realm?.peers.get(id)
    const own = peer && realm?.interests.has(key, peer) ? 1 : 0
    const others = (realm?.interests.count(key) ?? 0) - own + (this.remote?.count(app, key) ?? 0)
    return others === 0 || this.#damping.admit({ app, id, key, shown, heir })
  }

  /**
   * A session has joined keys.
   * @param known - those of them that its peer wanted before
   * @param taken - those that the session did not have before
   */
  *join(
    session: Session,
    joined: readonly string[],
    known: ReadonlySet<string>,
    taken: readonly string[],
  ): Steps {
    const { id, peer, realm } = session
    const { app } = realm
    const isAlone = !this.remote && peer.sessions.length === 1
    // for most keys nobody is there to be told
    if (isAlone && joined.every((key) => realm.interests.count(key) === 1)) return
    const waits = (key: string) => {
      const newest = peer.sessionFor(key)
      if (!newest) return false
      const shown = known.has(key) || (this.remote?.has(app, id, key) ?? false)
      return !this.admit(app, id, key, shown, newest !== session)
    }
    const delayed = new Set(joined.filter(waits))
    if (peer.sessions.length > 1) this.#replace(session, taken, delayed)
    const ofAnother = joined.filter((key) => peer.sessionFor(key) !== session)
    if (ofAnother.length > 0) session.tell({ type: 'replaced', keys: ofAnother })
    for (const [newest, keys] of bySession(joined, (key) => peer.sessionFor(key))) {
      // a newer one has not asked: it is told when the others are
      const theirs = newest === session ? keys : keys.filter((key) => !delayed.has(key))
      yield* introduce(newest, theirs, { ...this.#ways(newest), known, delayed })
    }
  }

  /** The session here that had a key has lost it to one of another instance whose introduction waits. */
  replacedRemotely(app: string, id: string, key: string): void {
    const session = this.realms.get(app)?.peers.get(id)?.newestWith(key)
    if (session) this.#damping.replace(app, id, key, session)
  }

  /**
   * Sessions that have the introductions of keys now without having asked are introduced.
   * @returns the keys on which that is done now
   */
  takeOver(app: string, id: string, keys: readonly string[]): string[] {
    const admitted = keys.filter((key) => this.admit(app, id, key, true, true))
    this.introduce(app, id, admitted)
    return admitted
  }

  close(): void {
    this.#damping.close()
  }

  /** Introductions whose pause is over, those of one peer together. */
  *#tellDue(delayed: readonly Delayed<Session>[]): Steps {
    for (let n = 0; n < delayed.length;) {
      const { app, id } = delayed[n]!
      const asked: string[] = []
      const inherited: string[] = []
      const replaced = new Map<Session, string[]>()
      for (; delayed[n]?.id === id && delayed[n]?.app === app; n++) {
        const { key, heir } = delayed[n]!
        if (!this.#damping.release(delayed[n]!)) continue
        ;(heir ? inherited : asked).push(key)
        for (const session of delayed[n]!.replaced ?? []) {
          const isOwn = session.peer.sessionFor(key) === session
          if (session.keys.has(key) && !isOwn) addTo(replaced, session, key)
        }
      }
      tellReplaced(replaced)
      this.#tellAgain(app, id, asked, inherited)
      yield
    }
  }

  #tellAgain(app: string, id: string, asked: string[], inherited: string[]): void {
    this.introduce(app, id, asked, false)
    this.introduce(app, id, inherited)
    this.remote?.tellAgain(app, id, [...asked, ...inherited], inherited)
  }

  /**
   * Introduces the sessions here that have the introductions of keys.
   * @param toItself - whether they are told of the others, too
   */
  introduce(app: string, id: string, keys: readonly string[], toItself = true): void {
    const peer = this.realms.get(app)?.peers.get(id)
    for (const [session, theirs] of bySession(keys, (key) => peer?.sessionFor(key))) {
      const ways = { ...this.#ways(session), known: new Set(theirs), toItself }
      this.work.run(introduce(session, theirs, ways), undefined, { of: session.group })
    }
  }

  /** A session has taken keys of an older one, which is told so now or when the others are told. */
  #replace(session: Session, taken: readonly string[], delayed: ReadonlySet<string>): void {
    const { id, peer, realm } = session
    const replaced = new Map<Session, string[]>()
    for (const key of taken) {
      const older = peer.sessionFor(key) === session ? peer.olderThan(session, key) : undefined
      if (older && delayed.has(key)) this.#damping.replace(realm.app, id, key, older)
      else if (older) addTo(replaced, older, key)
    }
    tellReplaced(replaced)
  }

  #ways({ id, realm: { app } }: Session): Omit<Introducing, 'known'> {
    return {
      toItself: true,
      isHidden: (other, key) => this.isHidden(app, other, key),
      told: (other, common) => this.introduced(app, [id, other], common),
    }
  }
}
