import { Unreachable } from 'signal-server'
import { Refusal } from '../json/refusal.js'
import { sendingBytes } from '../json/rate.js'
import { Ask, type Asks } from './asks.js'
import { Claims } from './claims.js'
import type { Cluster } from './cluster.js'
import type { Membership } from './membership.js'
import { congested, taken } from './refusals.js'
import type { OwnerRequests } from './owner-requests.js'
import type { RoomNews } from './room-news.js'
import type { Session } from './session.js'
import type { Placement } from './socket.js'
import { newcomer, ownerOf, roomKey, settled, type Member } from './standing.js'

/** What a client says about a room. */
export interface Saying {
  room: string
  /** Whatever the client wants to go with it. */
  payload: unknown
}

/**
 * Who is in which room, on all instances. Nothing is kept beside the clients themselves: a room is
 * the clients that stand in it, and its owner the one that has stood there longest.
 */
export class Rooms {
  readonly #claims: Claims

  constructor(
    private readonly cluster: Cluster,
    private readonly sessions: ReadonlyMap<string, Session>,
    private readonly membership: Membership,
    private readonly news: RoomNews,
    private readonly asks: Asks,
    private readonly requests: OwnerRequests,
    private readonly maxMembers: number,
  ) {
    this.#claims = new Claims(cluster)
  }

  /** How many requests of a client wait for an answer. */
  asked(session: Session): number {
    return this.asks.count(session)
  }

  /**
   * Creates a room, if there is none of that name. The owner of one that is there is asked for a
   * sign of life: it may be this same client, before a network loss.
   * @throws Refusal, Unreachable
   */
  async create(session: Session, { room, payload }: Saying): Promise<void> {
    const key = roomKey(session.app, room)
    if (session.rooms[key]) throw taken()
    if (!(await this.#claims.claim(session, key))) {
      const owner = ownerOf(await this.cluster.members(session, key))
      if (owner) await this.#prove(session, owner.id)
      if (session.rooms[key] || !(await this.#claims.claim(session, key))) throw taken()
    }
    const { socket } = session
    if (!socket.connected) return
    this.membership.tell(key, session)
    socket.emit('room-create-accept', { room, payload })
  }

  /**
   * Asks the owner of a room to let a client in.
   * @throws Refusal, Unreachable
   */
  async ask(session: Session, { room, payload }: Saying): Promise<void> {
    const key = roomKey(session.app, room)
    if (session.rooms[key]) throw new Refusal('forbidden', 'You are in this room already.')
    const ask = new Ask(room, payload)
    if (!this.asks.set(session, key, ask)) {
      throw new Refusal(
        'info_too_big',
        'The payloads of your requests to join are too big together.',
      )
    }
    try {
      await this.requests.show(session, key, ask)
    } catch (error) {
      if (this.asks.get(session, key) === ask) this.asks.delete(session, key)
      throw error
    }
    // an owner that is dead answers nobody, and the next one can
    if (ask.owner !== undefined) this.#prove(session, ask.owner).catch(() => {})
  }

  /** Resolves when a client, wherever it is, has shown life or is gone. */
  async #prove(asker: Session, id: string): Promise<void> {
    const local = this.sessions.get(id)
    if (local) await local.prove()
    else await this.cluster.prove(asker, id)
  }

  /**
   * Lets a client in that has asked to be, or rejects it.
   * @throws Refusal where the session does not own the room or nobody has asked; Unreachable
   */
  async decide(
    session: Session,
    { room, payload }: Saying,
    candidate: string,
    accepted: boolean,
  ): Promise<void> {
    const { app, id } = session
    const key = roomKey(app, room)
    const members = session.isIn(key) ? await this.cluster.members(session, key) : []
    if (ownerOf(members)?.id !== id) {
      throw new Refusal('forbidden', 'Only the owner of a room decides who comes in.')
    }
    const count = members.filter(({ claim }) => !claim).length
    if (accepted && count >= this.maxMembers) {
      throw new Refusal('room_full', `A room has at most ${this.maxMembers} members.`)
    }
    const since = accepted ? { since: newcomer(members, Date.now()) } : {}
    const placement: Placement = { app, room, id: candidate, payload, ...since }
    const placed = this.place(placement) || (await this.cluster.place(session, placement))
    if (!placed) throw new Refusal('unknown_peer', 'No such peer has asked to join this room.')
  }

  /**
   * Carries out what the owner of a room has decided about a client of this instance.
   * @returns whether it is here and has asked
   */
  place({ app, room, id, since, payload }: Placement): boolean {
    const session = this.sessions.get(id)
    const key = roomKey(app, room)
    if (session?.app !== app || !this.asks.delete(session, key)) return false
    if (since === undefined) {
      const message = 'The owner of the room has rejected the request.'
      session.socket.emit('room-join-reject', { room, peer_id: id, message, payload })
    } else {
      session.rooms[key] = { since }
      void session.socket.join(key)
      // whoever is shown it as a member from now on hears when it leaves
      this.membership.tell(key, session)
      void this.#welcome(session, key, { room, payload })
    }
    return true
  }

  /**
   * Finds out whether what one member says may reach another one.
   * @param to - what the client wrote: nothing but the id of a member is accepted
   * @returns the other one, as a member of the room
   * @throws Refusal if they do not share the room, or too much waits for the other already;
   * Unreachable
   */
  async checkShared(session: Session, room: string, to: string): Promise<Member> {
    const key = roomKey(session.app, room)
    if (!session.isIn(key)) throw new Refusal('forbidden', 'You are not in this room.')
    const peer = this.sessions.has(to)
      ? this.cluster.here(key, to)[0]
      : await this.cluster.member(session, key, to)
    if (!peer || peer.claim) throw new Refusal('unknown_peer', 'No such peer is in this room.')
    if (peer.congested) throw congested()
    return peer
  }

  /** Brings to a member what another one says, behind what that one knows of their room. */
  say({ app }: Session, room: string, to: Member, event: string, data: unknown): void {
    const key = roomKey(app, room)
    if (to.instance === undefined) this.news.tell(key, event, data, { only: to.id })
    else this.cluster.emit(to, key, event, data)
  }

  /** Tells the members of its rooms that a client is gone. */
  leave(session: Session): void {
    const { id, socket } = session
    this.asks.clear(session)
    for (const key of Object.keys(session.rooms)) {
      const settledIn = session.isIn(key)
      delete session.rooms[key]
      if (!settledIn) continue
      void socket.leave(key)
      this.membership.leave(key, session)
      this.requests.ownerGone(key, id)
    }
  }

  /** A client shows another peerinfo than before. */
  changed(session: Session): void {
    for (const key of Object.keys(session.rooms)) this.membership.tell(key, session)
  }

  async #welcome(session: Session, key: string, { room, payload }: Saying): Promise<void> {
    const { id, peerinfo, socket } = session
    try {
      const all = settled(await this.cluster.members(session, key))
      const members = all.filter((member) => member.id !== id)
      if (!session.isIn(key)) return
      const peers = members.map((member) => member.id)
      const peersinfo = Object.fromEntries(members.map((member) => [member.id, member.peerinfo]))
      socket.emit('room-join-accept', { room, peer_id: id, peers, peersinfo, payload })
      const joined = { room, peer_id: id, peerinfo, payload }
      // what telling the others costs is the newcomer's
      session.charge(members.length * (Buffer.byteLength(JSON.stringify(joined)) + sendingBytes))
      this.news.tell(key, 'room-user-join', joined, { but: id })
      this.cluster.tellCame(key, joined)
    } catch (error) {
      if (!session.isIn(key)) return
      delete session.rooms[key]
      void socket.leave(key)
      this.membership.leave(key, session)
      const { message } = error instanceof Unreachable ? error : new Unreachable()
      socket.emit('room-join-reject', { room, message, payload })
    }
  }
}
