import type { Json } from 'signal-server-protocol'
import { Audience, Circular } from './audience.js'
import type { Notice } from '../dialects/dialect.js'
import type { Session } from './session.js'
import type { Steps } from '../../limits/sliced-work.js'
import type { Realm } from './realm.js'

/** A session as it is introduced; it may be on another instance. */
interface Introduced {
  /** Of its peer. */
  readonly id: string
  readonly info?: Json | undefined
  readonly link?: string | undefined
}

/** The Introduction of a session that has the introductions of these keys. */
export const introductionOf = ({ id, info, link }: Introduced, keys: readonly string[]) =>
  ({ type: 'introduction', id, keys, info, link }) as const

/** How a session is introduced. */
export interface Introducing {
  /** Those of the keys that its peer wanted before. */
  readonly known: ReadonlySet<string>
  /** Those on which the others are told of it later. */
  readonly delayed?: ReadonlySet<string>
  /** Whether it is told of the others. */
  readonly toItself: boolean
  /** Whether the others do not know a peer on a key yet. */
  readonly isHidden: (id: string, key: string) => boolean
  /** Called for each pair of which the other one is told. */
  readonly told: (other: string, keys: readonly string[]) => void
}

/**
 * Introduces a session, which has the introductions of these keys, and the other peers of the keys
 * to each other. A key that goes to another session meanwhile is left to whoever introduces that one.
 */
export function* introduce(
  session: Session,
  wanted: readonly string[],
  { known, delayed, toItself, isHidden, told }: Introducing,
): Steps {
  const { realm, peer, info } = session
  const has = (key: string) => peer.sessionFor(key) === session
  // some may have gone to another session before this begins
  const keys = wanted.every(has) ? wanted : wanted.filter(has)
  const audience = new Audience(realm, peer.id, keys)
  yield* audience.gather(known)
  const toAll = new Circular(introductionOf(session, keys))
  for (const target of audience) {
    while (toItself && session.congested) yield session.drained()
    const common = audience.keysOf(target)
    const shared = audience.unchanged ? common : common.filter(has)
    const forOther = delayed?.size ? shared.filter((key) => !delayed.has(key)) : shared
    if (forOther.length > 0) {
      if (forOther === keys && session.info === info) toAll.to(target)
      else target.tell(introductionOf(session, forOther))
      told(target.id, forOther)
    }
    if (toItself && shared.length > 0) tellItself(session, target, shared, isHidden)
    yield
  }
}

function tellItself(
  session: Session,
  other: Session,
  shared: readonly string[],
  isHidden: Introducing['isHidden'],
): void {
  const { id } = other
  const keys = shared.some((key) => isHidden(id, key))
    ? shared.filter((key) => !isHidden(id, key))
    : shared
  if (keys.length > 0) session.tell(introductionOf(other, keys))
}

/**
 * Tells the sessions here that have the introductions of some keys something about a peer.
 *
 * @param id - of the peer, which is not told itself
 * @param still - whether that is so for a key at the moment when a session is told
 * @param notice - about some of the keys
 */
export function* tellOthers(
  realm: Realm<Session>,
  id: string,
  keys: readonly string[],
  still: (key: string) => boolean,
  notice: (keys: readonly string[]) => Notice,
): Steps {
  const audience = new Audience(realm, id, keys)
  yield* audience.gather()
  const toAll = new Circular(notice(keys))
  for (const target of audience) {
    const shared = audience.keysOf(target).filter(still)
    if (shared.length === keys.length) toAll.to(target)
    else if (shared.length > 0) target.tell(notice(shared))
    yield
  }
}

/** Tells sessions that newer ones of their peer have these keys of theirs. */
export function tellReplaced(replaced: ReadonlyMap<Session, readonly string[]>): void {
  for (const [session, keys] of replaced) session.tell({ type: 'replaced', keys })
}

/** Keys by the session that each belongs to. */
export function bySession(
  keys: Iterable<string>,
  sessionOf: (key: string) => Session | undefined,
): Map<Session, string[]> {
  const found = new Map<Session, string[]>()
  for (const key of keys) {
    const session = sessionOf(key)
    if (session) addTo(found, session, key)
  }
  return found
}

/** Adds a key to those of a session. */
export function addTo(found: Map<Session, string[]>, session: Session, key: string): void {
  const theirs = found.get(session)
  if (theirs) theirs.push(key)
  else found.set(session, [key])
}
