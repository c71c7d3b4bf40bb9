import type { Json } from 'signal-server-protocol'
import { Presence, type EndpointContext, type LocalPresence, type PresentPeer } from 'signal-server'
import { sendingBytes } from '../json/rate.js'
import type { RoomNews } from './room-news.js'
import type { Session } from './session.js'
import { roomName } from './standing.js'

// what was told is looked up while messages may still come on both ways
const mostRemembered = 10_000

/**
 * Tells members who has left their room. Instances tell each other of each leave through socket.io's
 * adapter, which does not notice that one of them has died: so where the server has a bus, they also
 * tell each other who is in which room, and when an instance dies all that it had is gone.
 */
export class Membership implements LocalPresence {
  readonly #presence: Presence | undefined
  /** What members here were told: that somebody has left, or was lost with an instance. */
  readonly #told = new Map<string, 'left' | 'lost'>()

  /**
   * @param instances - undefined where no other instance shares the rooms
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

  /** A client of another instance has left a room, as that instance says. */
  remoteLeft(key: string, id: string, peerinfo: Json): void {
    if (this.#remember(key, id, 'left')) this.#tellLeft(key, id, peerinfo)
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
    return { id, since: standing.since, info: session.peerinfo }
  }

  left(key: string, { id, info = null }: PresentPeer): void {
    if (this.#remember(key, id, 'lost')) this.#tellLeft(key, id, info)
  }

  /** An instance that was taken for dead is back, with its clients. */
  came(key: string, { id, info = null }: PresentPeer): void {
    const mark = markOf(key, id)
    if (this.#told.get(mark) !== 'lost') return
    this.#told.delete(mark)
    const joined = { room: roomName(key), peer_id: id, peerinfo: info }
    this.news.tell(key, 'room-user-join', joined)
  }

  // whoever is there still was not told of as gone
  stayed(): void {}

  // nobody else can have the id of a socket
  outranked(): void {}

  // what members say to each other takes socket.io's way
  received(): void {}

  #tellLeft(key: string, id: string, peerinfo: Json): void {
    this.news.tell(key, 'room-user-leave', { room: roomName(key), peer_id: id, peerinfo })
    this.gone(key, id)
  }

  /** @returns false where it was told already: it is heard of on two ways */
  #remember(key: string, id: string, how: 'left' | 'lost'): boolean {
    const mark = markOf(key, id)
    if (this.#told.has(mark)) return false
    this.#told.set(mark, how)
    const [oldest] = this.#told.keys()
    if (this.#told.size > mostRemembered && oldest !== undefined) this.#told.delete(oldest)
    return true
  }
}

const markOf = (key: string, id: string) => `${id} ${key}`
