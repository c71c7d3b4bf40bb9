import { InterestIndex } from './interest-index.js'
import { Peer, type Member } from './peer.js'

/** How many keys all sessions of a server have joined, counted once for each session. */
export interface Registrations {
  registrations: number
}

/** What comes of it when a session leaves keys. */
export interface Left<M> {
  /** Those that the peer has left by it: no other session of it has joined them. */
  readonly keys: string[]
  /** Those of which another session is the newest of the peer here now. */
  readonly heirs: Map<M, string[]>
  /** Those of which it had the introductions. */
  readonly held: string[]
}

// so many keys are taken away between two looks at the clock
const keysAtOnce = 256

/** The peers and keys of one app; realms share nothing. */
export class Realm<M extends Member & { readonly peer: Peer<M> }> {
  readonly peers = new Map<string, Peer<M>>()
  readonly interests = new InterestIndex<Peer<M>>()
  /** Grows whenever a key's introductions may have gone to another session, or to none. */
  changes = 0

  /**
   * @param app - the app's name; '' where none was granted
   * @param total - what is registered here is counted there
   */
  constructor(
    readonly app: string,
    private readonly total: Registrations,
  ) {}

  /** Adds a session as the newest of its peer. */
  add(session: M): Peer<M> {
    let peer = this.peers.get(session.id)
    if (!peer) this.peers.set(session.id, (peer = new Peer(session.id)))
    peer.add(session)
    return peer
  }

  join(session: M, keys: Iterable<string>): void {
    const before = session.keys.size
    if (session.peer.sessions.length > 1) this.changes++
    for (const key of keys) {
      session.peer.join(session, key)
      this.interests.add(key, session.peer)
    }
    this.total.registrations += session.keys.size - before
    session.keysChanged?.()
  }

  /**
   * Takes keys from a session.
   * @param left - what came of it when it left others, to which this is added
   */
  leave(session: M, keys: Iterable<string>, left: Left<M> = nothingLeft()): Left<M> {
    const { peer } = session
    const before = session.keys.size
    for (const key of keys) {
      if (!session.keys.has(key)) continue
      const wasNewest = peer.newestWith(key) === session
      if (peer.sessionFor(key) === session) left.held.push(key)
      const heir = peer.leave(session, key)
      if (!heir) {
        this.interests.delete(key, peer)
        left.keys.push(key)
      } else if (wasNewest) {
        const inherited = left.heirs.get(heir)
        if (inherited) inherited.push(key)
        else left.heirs.set(heir, [key])
      }
    }
    if (session.keys.size < before) this.changes++
    this.total.registrations -= before - session.keys.size
    session.keysChanged?.()
    return left
  }

  /** Takes exactly this session away, and its peer with the last one; in steps, for it may have many keys. */
  *remove(session: M): Generator<void, Left<M>> {
    const { peer } = session
    const left: Left<M> = nothingLeft()
    let some: string[] = []
    for (const key of session.keys) {
      if (some.push(key) < keysAtOnce) continue
      this.leave(session, some, left)
      some = []
      yield
    }
    this.leave(session, some, left)
    peer.remove(session)
    if (peer.sessions.length === 0 && this.peers.get(peer.id) === peer) this.peers.delete(peer.id)
    return left
  }
}

function nothingLeft<M>(): Left<M> {
  return { keys: [], heirs: new Map(), held: [] }
}
