import type { Json } from 'signal-server-protocol'
import { Presence, type EndpointContext, type LocalPresence, type PresentPeer } from 'signal-server'
import { sendingBytes } from '../json/rate.js'
import { carried, restored } from './carried.js'
import type { RoomNews } from './room-news.js'
import type { Session } from './session.js'
import type { Joined } from './socket.js'
import { roomName } from './standing.js'

// an instance that was taken for dead may come back with its members
const mostRemembered = 10_000
// a newcomer asks all instances before it is told of; later than this, what they say of it was lost
const newsTime = 8_000

/**
 * Tells members who has left their room, on any instance: instances tell each other who is in which
 * room, and when an instance dies its members are gone.
 */
export class Membership implements LocalPresence {
  readonly #presence: Presence | undefined
  /** Members that were told of as gone because their instance was taken for dead, the oldest first. */
  readonly #lost = new Set<string>()
  /** Members of other instances whose join nobody here was told of, the oldest first. */
  readonly #untold = new Map<string, { key: string; peer: PresentPeer; since: number }>()

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

  *everyone(): Iterable<readonly [key: string, ids: Iterable<string>]> {
    const rooms = new Map<string, string[]>()
    for (const session of this.sessions.values()) {
      for (const key of Object.keys(session.rooms)) {
        if (!session.isIn(key)) continue
        const ids = rooms.get(key)
        if (ids) ids.push(session.id)
        else rooms.set(key, [session.id])
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

  left(key: string, { id, info }: PresentPeer, lost: boolean): void {
    this.#untold.delete(markOf(key, id))
    if (lost) this.#remember(key, id)
    this.news.tell(key, 'room-user-leave', { room: roomName(key), peer_id: id, ...shown(info) })
    this.gone(key, id)
  }

  came(key: string, peer: PresentPeer, before: PresentPeer | undefined): void {
    const mark = markOf(key, peer.id)
    // an instance that was taken for dead is back, with its clients
    if (this.#lost.delete(mark)) this.#tellCame(key, peer)
    else if (!before && this.news.has(key))
      this.#untold.set(mark, { key, peer, since: performance.now() })
  }

  /** Its instance tells of a client that has come into a room. */
  toldCame(key: string, joined: Joined): void {
    this.#untold.delete(markOf(key, joined.peer_id))
    this.news.tell(key, 'room-user-join', joined)
  }

  /** Called about once a second. */
  beat(): void {
    const until = performance.now() - newsTime
    for (const [mark, { key, peer, since }] of this.#untold) {
      if (since > until) return
      this.#untold.delete(mark)
      this.#tellCame(key, peer)
    }
  }

  // whoever is there still was not told of as gone
  stayed(): void {}

  // nobody else can have the id of a socket
  outranked(): void {}

  // what members say to each other goes to their instances directly
  received(): void {}

  #tellCame(key: string, { id, info }: PresentPeer): void {
    this.news.tell(key, 'room-user-join', { room: roomName(key), peer_id: id, ...shown(info) })
  }

  #remember(key: string, id: string): void {
    this.#lost.add(markOf(key, id))
    const [oldest] = this.#lost
    if (this.#lost.size > mostRemembered && oldest !== undefined) this.#lost.delete(oldest)
  }
}

/** @param info - of a member of another instance */
const shown = (info: Json | undefined) => ({
  peerinfo: info === undefined ? null : restored(info),
})

const markOf = (key: string, id: string) => `${id} ${key}`
