import type { Session } from './session.js'
import type { Steps } from './sliced-work.js'
import type { Peer } from './peer.js'
import type { Dialect, Notice } from './dialects/dialect.js'

/** A notice that goes to many sessions: encoded once for each dialect. */
class Circular {
  readonly #encoded = new Map<Dialect, string | Buffer | undefined>()

  constructor(readonly notice: Notice) {}

  to(session: Session): void {
    const { dialect } = session
    if (!dialect) return
    let data = this.#encoded.get(dialect)
    if (data === undefined && !this.#encoded.has(dialect)) {
      data = dialect.encode(this.notice)
      this.#encoded.set(dialect, data)
    }
    if (data !== undefined) session.send(data)
  }
}

/** Keys by the session that hears of them; the whole list itself where that is all of them. */
type ByTarget = Map<Session, { peer: Peer<Session>; keys: string[] }>

function* group(session: Session, keys: readonly string[], targets: ByTarget): Steps {
  const { world, peer } = session
  for (const key of keys) {
    for (const other of world.interests.peers(key)) {
      if (other.id !== peer.id) {
        const target = other.sessionFor(key)
        const entry = target && targets.get(target)
        if (entry) entry.keys.push(key)
        else if (target) targets.set(target, { peer: other, keys: [key] })
      }
      yield
    }
  }
}

/**
 * Introduces a session, which has just joined these keys, and the other peers of the keys to each
 * other. Calls `told` for each pair.
 */
export function* introduce(
  session: Session,
  keys: readonly string[],
  told: (other: string, keys: readonly string[]) => void,
): Steps {
  const { world, peer } = session
  const targets: ByTarget = new Map()
  const departures = world.departures
  yield* group(session, keys, targets)
  const { info } = peer
  const toAll = new Circular({ type: 'introduction', id: peer.id, keys, info })
  for (const [target, { peer: other, keys: common }] of targets) {
    while (session.congested && session.open) yield session.drained()
    // nobody is introduced to who has left while this went on
    const live =
      world.departures === departures
        ? common
        : common.filter((key) => target.keys.has(key) && peer.has(key))
    if (live.length > 0 && target.open) {
      const shared = live.length === keys.length ? keys : live
      if (shared === keys) toAll.to(target)
      else target.tell({ type: 'introduction', id: peer.id, keys: shared, info })
      tellNewest(peer, session, shared, other)
      told(other.id, shared)
    }
    yield
  }
}

/** A key's introductions go to the newest session that joined it, which is mostly this one. */
function tellNewest(
  peer: Peer<Session>,
  session: Session,
  keys: readonly string[],
  other: Peer<Session>,
): void {
  if (peer.sessions.at(-1) === session) {
    session.tell({ type: 'introduction', id: other.id, keys, info: other.info })
    return
  }
  const byTarget = new Map<Session, string[]>()
  for (const key of keys) {
    const target = peer.sessionFor(key)
    if (target) byTarget.set(target, [...(byTarget.get(target) ?? []), key])
  }
  for (const [target, mine] of byTarget) {
    target.tell({ type: 'introduction', id: other.id, keys: mine, info: other.info })
  }
}

/** Tells everyone who shares these keys that the session's peer has left them. */
export function* depart(session: Session, keys: readonly string[]): Steps {
  const targets: ByTarget = new Map()
  yield* group(session, keys, targets)
  const { id } = session
  const toAll = new Circular({ type: 'departure', id, keys })
  for (const [target, { keys: common }] of targets) {
    // who has come back while this went on has been introduced anew
    const back = session.world.peers.get(id)
    const left = back ? common.filter((key) => !back.has(key)) : common
    if (left.length === keys.length) toAll.to(target)
    else if (left.length > 0) target.tell({ type: 'departure', id, keys: left })
    yield
  }
}

/** Shows the new info of a session's peer to everyone who shares a key with it. */
export function* update(session: Session): Steps {
  const { world, peer, info } = session
  if (info === undefined) return
  const told = new Set<Session>()
  const toAll = new Circular({ type: 'update', id: peer.id, info })
  for (const { keys } of peer.sessions) {
    for (const key of keys) {
      for (const other of world.interests.peers(key)) {
        const target = other === peer ? undefined : other.sessionFor(key)
        if (target && !told.has(target)) {
          told.add(target)
          toAll.to(target)
        }
        yield
      }
    }
  }
}
