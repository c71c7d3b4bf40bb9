import { InterestIndex } from './interest-index.js'
import { Peer, type Member } from './peer.js'

/** The peers and keys of one app; worlds share nothing. */
export class World<M extends Member & { readonly peer: Peer<M> }> {
  readonly peers = new Map<string, Peer<M>>()
  readonly interests = new InterestIndex<Peer<M>>()
  /** Grows whenever a session gives up keys, so that long work notices. */
  departures = 0

  /** @param app - the app's name; '' where none was granted */
  constructor(readonly app: string) {}

  /** Adds a session as the newest of its peer. */
  add(session: M): Peer<M> {
    let peer = this.peers.get(session.id)
    if (!peer) this.peers.set(session.id, (peer = new Peer(session.id)))
    peer.sessions.push(session)
    return peer
  }

  join(session: M, keys: Iterable<string>): void {
    for (const key of keys) {
      session.keys.add(key)
      this.interests.add(key, session.peer)
    }
  }

  /**
   * Takes keys from a session.
   * @returns those that no other session of its peer holds: the ones that the peer has left
   */
  leave(session: M, keys: Iterable<string>): string[] {
    const left: string[] = []
    for (const key of keys) {
      if (!session.keys.delete(key) || session.peer.has(key)) continue
      this.interests.delete(key, session.peer)
      left.push(key)
    }
    if (left.length > 0) this.departures++
    return left
  }

  /**
   * Takes exactly this session away, and its peer with the last one.
   * @returns the keys that the peer has left by it
   */
  remove(session: M): string[] {
    const { peer } = session
    const left = this.leave(session, [...session.keys])
    const at = peer.sessions.indexOf(session)
    if (at >= 0) peer.sessions.splice(at, 1)
    if (peer.sessions.length === 0 && this.peers.get(peer.id) === peer) this.peers.delete(peer.id)
    return left
  }
}
