import type { Json } from 'signal-server-protocol'
import { Presence, type EndpointContext, type LocalPresence, type PresentPeer } from 'signal-server'
import { sendingBytes } from '../json/rate.js'
import { carried, restored } from './carried.js'
import type { RoomNews } from './room-news.js'
import type { Session } from './session.js'
import { roomName } from './standing.js'

// an instance that was taken for dead may come back with its members
const mostRemembered = 10_000

/**
 * Tells members who has left their room, on any instance: instances tell each other who is in which
 * room, and when an instance dies its members are gone.
 */
export class Membership implements LocalPresence {
  readonly #presence: Presence | undefined
  /** Members of other instances that were told of as gone, the oldest first. */
  readonly #gone = new Set<string>()

  /**
   * @param instances - undefined if this instance is alone
   * @param gone - hears of everybody who is gone from a room of another instance
   */
  constructor(
    private readonly news: RoomNews,
    private readonly sessions: ReadonlyMap<string, Session>,
    instances: EndpointContext['instances'],
    private readonly gone: (key: string, id: string) => void,
  ) {
    this.#presence = instances && new Presence(instances, 'rooms', this)
  }

  /** A client here is in a room, or has other peerinfo than before; telling that is charged. */
  tell(key: string, session: Session): void {
    const peer = this.peer(key, session.id)
    if (!peer || !this.#presence) return
    session.charge(Buffer.byteLength(JSON.stringify(peer)) + sendingBytes)
    this.#presence.tell(key, peer)
  }

  /** A client here has left a room. */
  leave(key: string, { id, peerinfo }: Session): void {
    this.news.tell(key, 'room-user-leave', { room: roomName(key), peer_id: id, peerinfo })
    this.#presence?.leave(key, id)
  }

  *everyone(): Iterable<readonly [key: string, peers: Iterable<PresentPeer>]> {
    const rooms = new Map<string, PresentPeer[]>()
    for (const session of this.sessions.values()) {
      for (const key of Object.keys(session.rooms)) {
        const peer = this.peer(key, session.id)
        if (!peer) continue
        const members = rooms.get(key)
        if (members) members.push(peer)
        else rooms.set(key, [peer])
      }
    }
    yield* rooms
  }

  peer(key: string, id: string): PresentPeer | undefined {
    const session = this.sessions.get(id)
    const standing = session?.rooms[key]
    if (!session || !standing || standing.claim) return undefined
    return { id, since: standing.since, info: carried(session.peerinfo) }
  }

  left(key: string, { id, info }: PresentPeer): void {
    this.#remember(key, id)
    this.news.tell(key, 'room-user-leave', { room: roomName(key), peer_id: id, ...shown(info) })
    this.gone(key, id)
  }

  /** An instance that was taken for dead is back, with its clients. */
  came(key: string, { id, info }: PresentPeer): void {
    if (!this.#gone.delete(markOf(key, id))) return
    this.news.tell(key, 'room-user-join', { room: roomName(key), peer_id: id, ...shown(info) })
  }

  // whoever is there still was not told of as gone
  stayed(): void {}

  // nobody else can have the id of a socket
  outranked(): void {}

  // what members say to each other goes to their instances directly
  received(): void {}

  #remember(key: string, id: string): void {
    this.#gone.add(markOf(key, id))
    const [oldest] = this.#gone
    if (this.#gone.size > mostRemembered && oldest !== undefined) this.#gone.delete(oldest)
  }
}

/** @param info - of a member of another instance */
const shown = (info: Json | undefined) => ({
  peerinfo: info === undefined ? null : restored(info),
})

const markOf = (key: string, id: string) => `${id} ${key}`
