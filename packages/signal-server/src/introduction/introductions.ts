import type { Json } from 'signal-protocol'
import type { Known } from '../bus/local-introductions.js'
import type { Dialect, Notice } from './dialects/dialect.js'
import type { Peer } from './peer.js'
import type { Session } from './session.js'
import type { Steps } from '../sliced-work.js'
import type { World } from './world.js'

/** A notice that goes to many sessions: encoded once for each dialect. */
class Circular {
  readonly #encoded = new Map<Dialect, Buffer | undefined>()

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

/**
 * Who else wants some keys: the sessions that hear of each, with how many keys they are. Where they
 * are many, which ones is looked up again when it is told, for lists of thousands of keys for
 * thousands of sessions would take megabytes meanwhile.
 */
type Audience = Map<Session, { count: number; first: string[] }>

const longestList = 16

// so many peers are looked at between two looks at the clock: some 10 µs
const atOnce = 256

/**
 * @param known - those of the keys that the session's peer wanted before; on the others it comes
 * after those whom it finds and before those who join meanwhile, and find it themselves
 */
function* gather(
  session: Session,
  keys: readonly string[],
  audience: Audience,
  known: ReadonlySet<string>,
): Steps {
  const { world, peer } = session
  let looked = 0
  for (const key of keys) {
    for (const other of world.interests.peers(key)) {
      if (++looked % atOnce === 0) yield
      if (other === peer && !known.has(key)) break
      const target = other === peer ? undefined : other.holder(key)
      if (!target) continue
      const found = audience.get(target)
      if (!found) audience.set(target, { count: 1, first: [key] })
      else if (++found.count <= longestList) found.first.push(key)
    }
  }
}

/** Finds those of a list of keys that a session hears of, in the order of the list. */
class KeysInCommon {
  #places: Map<string, number> | undefined
  readonly #departures: number

  constructor(
    readonly keys: readonly string[],
    readonly world: World<Session>,
  ) {
    this.#departures = world.departures
  }

  /** Whether nobody has left a key since: then nothing that was found need be looked up again. */
  get unchanged(): boolean {
    return this.world.departures === this.#departures
  }

  /** @param found - when the audience was gathered */
  with(target: Session, { count, first }: { count: number; first: string[] }): readonly string[] {
    const hears = (key: string) => target.peer.sessionFor(key) === target
    if (this.unchanged && count === this.keys.length) return this.keys
    if (count === first.length) return this.unchanged ? first : first.filter(hears)
    // in time that depends on the shorter list
    if (this.keys.length <= target.keys.size) return this.keys.filter(hears)
    const places = (this.#places ??= new Map(this.keys.map((key, place) => [key, place])))
    const common = [...target.keys].filter((key) => places.has(key) && hears(key))
    return common.sort((a, b) => places.get(a)! - places.get(b)!)
  }
}

/**
 * Introduces a session, which has just joined these keys, and the other peers of the keys to each
 * other.
 *
 * @param known - those of the keys that its peer wanted before
 * @param told - called for each pair
 */
export function* introduce(
  session: Session,
  keys: readonly string[],
  known: ReadonlySet<string>,
  told: (other: string, keys: readonly string[]) => void,
): Steps {
  const { world, peer } = session
  const audience: Audience = new Map()
  const inCommon = new KeysInCommon(keys, world)
  yield* gather(session, keys, audience, known)
  const { info } = peer
  const toAll = new Circular({ type: 'introduction', id: peer.id, keys, info })
  for (const [target, found] of audience) {
    while (session.congested) yield session.drained()
    const common = inCommon.with(target, found)
    // nobody is introduced to who has left while this went on
    const shared = inCommon.unchanged ? common : common.filter((key) => peer.has(key))
    if (shared.length > 0) {
      if (shared === keys) toAll.to(target)
      else target.tell({ type: 'introduction', id: peer.id, keys: shared, info })
      tellNewest(peer, session, shared, target.peer)
      told(target.id, shared)
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
  if (peer.sessions.at(-1) === session && !peer.isElsewhere) {
    session.tell({ type: 'introduction', id: other.id, keys, info: other.info })
    return
  }
  const byTarget = new Map<Session, string[]>()
  for (const key of keys) {
    const target = peer.sessionFor(key)
    const mine = target && byTarget.get(target)
    if (mine) mine.push(key)
    else if (target) byTarget.set(target, [key])
  }
  for (const [target, mine] of byTarget) {
    target.tell({ type: 'introduction', id: other.id, keys: mine, info: other.info })
  }
}

const nothingKnown: ReadonlySet<string> = new Set()

/** Tells everyone who shares these keys that the session's peer has left them. */
export function* depart(session: Session, keys: readonly string[]): Steps {
  const { world, id } = session
  const audience: Audience = new Map()
  const inCommon = new KeysInCommon(keys, world)
  yield* gather(session, keys, audience, nothingKnown)
  const toAll = new Circular({ type: 'departure', id, keys })
  for (const [target, found] of audience) {
    const common = inCommon.with(target, found)
    // who has come back while this went on has been introduced anew
    const back = world.peers.get(id)
    const left = back ? common.filter((key) => !back.has(key)) : common
    if (left.length === keys.length) toAll.to(target)
    else if (left.length > 0) target.tell({ type: 'departure', id, keys: left })
    yield
  }
}

/**
 * Shows new info of a peer to everyone here who hears of one of its keys.
 *
 * @param peer - here or elsewhere; those of its keys that are concerned
 * @param still - whether it still is what counts, on a key
 * @param known - who has been told of it already
 */
export function* update(
  world: World<Session>,
  peer: { readonly id: string; readonly info: Json; readonly keys: Iterable<string> },
  still: (key: string) => boolean,
  known: Known = () => false,
): Steps {
  const { id, info } = peer
  const looked = new Set<Session>()
  const toAll = new Circular({ type: 'update', id, info })
  let peers = 0
  for (const key of peer.keys) {
    for (const other of world.interests.peers(key)) {
      if (++peers % atOnce === 0) yield
      const target = other.id === id ? undefined : other.holder(key)
      if (!target || looked.has(target)) continue
      // else whoever says what counts now shows that
      if (!still(key)) break
      looked.add(target)
      if (!known((shared) => target.peer.sessionFor(shared) === target)) toAll.to(target)
      yield
    }
  }
}
