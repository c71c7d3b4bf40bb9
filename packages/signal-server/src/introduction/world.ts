import { InterestIndex } from './interest-index.js'
import { Peer, type Member } from './peer.js'

/** How many keys all sessions of a server have joined, counted once for each session. */
export interface Registrations {
  registrations: number
}

/** The peers and keys of one app; worlds share nothing. */
export class World<M extends Member & { readonly peer: Peer<M> }> {
  readonly peers = new Map<string, Peer<M>>()
  readonly interests = new InterestIndex<Peer<M>>()
  /** Grows whenever a session gives up keys, so that long work notices. */
  departures = 0

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
    for (const key of keys) {
      session.peer.join(session, key)
      this.interests.add(key, session.peer)
    }
    this.total.registrations += session.keys.size - before
    session.keysChanged?.()
  }

  /**
   * Takes keys from a session.
   * @returns those that no other session of its peer holds: the ones that the peer has left
   */
  leave(session: M, keys: Iterable<string>): string[] {
    const left: string[] = []
    const before = session.keys.size
    for (const key of keys) {
      if (!session.peer.leave(session, key)) continue
      this.interests.delete(key, session.peer)
      left.push(key)
    }
    if (session.keys.size < before) this.departures++
    this.total.registrations -= before - session.keys.size
    session.keysChanged?.()
    return left
  }

  /**
   * Takes exactly this session away, and its peer with the last one.
   * @returns the keys that the peer has left by it
   */
  remove(session: M): string[] {
    const { peer } = session
    const left = this.leave(session, [...session.keys])
    peer.remove(session)
    if (peer.sessions.length === 0 && this.peers.get(peer.id) === peer) this.peers.delete(peer.id)
    return left
  }
}
