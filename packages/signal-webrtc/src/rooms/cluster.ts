import type { Json } from 'signal-server-protocol'
import { Unreachable, type Exchange } from 'signal-server'
import { bytesOfMessage } from '../json/rate.js'
import { carried, restored } from './carried.js'
import type { Session } from './session.js'
import type { Joined, Placement, RoomServer } from './socket.js'
import type { Member } from './standing.js'

const isTrue = (answer: Json) => answer === true

// measured on Node 20 against the time that a message of 4 KiB takes
const lookedAtBytes = 32

/** What an instance asks the others. */
export type Question =
  /** Answered with the members of a room there: one client, or all if the id is null. */
  | readonly ['members', key: string, id: string | null]
  /** Answered with whether the candidate is there and has asked. */
  | readonly ['place', placement: Placement]
  /** Answered with whether the client was there, when it has shown life, or is gone. */
  | readonly ['prove', id: string]

/** What an instance tells the others. */
export type News =
  /** A client has come into a room. */
  | readonly ['came', key: string, joined: Joined]
  /** A member of a room is sent an event. */
  | readonly ['emit', key: string, id: string, event: string, data: unknown]

/** What is known of rooms and clients on all instances. Each question is charged to its asker. */
export class Cluster {
  /** @param exchange - with the other instances; undefined if this instance is alone */
  constructor(
    private readonly io: RoomServer,
    private readonly exchange: Exchange | undefined,
  ) {}

  /**
   * Everybody in a room, and who claims it.
   * @throws Unreachable
   */
  async members(asker: Session, key: string): Promise<Member[]> {
    const remote = await this.#remoteMembers(asker, key, null)
    const members = [...this.here(key, null), ...remote]
    asker.charge(members.length * lookedAtBytes)
    return members
  }

  /**
   * A client of another instance, as a member of a room.
   * @throws Unreachable
   */
  async member(asker: Session, key: string, id: string): Promise<Member | undefined> {
    const found = (answer: Json) => Array.isArray(answer) && answer.length > 0
    return (await this.#remoteMembers(asker, key, id, found))[0]
  }

  /**
   * The clients of this instance that are in a room.
   * @param id - of the only client that is asked about; null for all
   */
  here(key: string, id: string | null): Member[] {
    const { adapter, sockets } = this.io.of('/')
    const ids = adapter.rooms.get(key) ?? new Set()
    const asked = id === null ? [...ids] : ids.has(id) ? [id] : []
    return asked.flatMap((each) => {
      const data = sockets.get(each)?.data
      const standing = data?.rooms[key]
      if (!data || !standing) return []
      return { id: each, peerinfo: data.peerinfo, congested: data.congested, ...standing }
    })
  }

  /**
   * Asks the other instances to place a candidate.
   * @returns whether one of them did
   * @throws Unreachable
   */
  async place(asker: Session, placement: Placement): Promise<boolean> {
    const answers = await this.#ask(asker, ['place', placement], isTrue)
    return answers.some(({ answer }) => answer === true)
  }

  /**
   * Asks the instance of a client for a sign of life: a client that gives none is gone by then.
   * @throws Unreachable
   */
  async prove(asker: Session, id: string): Promise<void> {
    await this.#ask(asker, ['prove', id], isTrue)
  }

  /** Tells the members on other instances that a client is in their room. */
  tellCame(key: string, joined: Joined): void {
    this.#tell(['came', key, joined])
  }

  /** Emits an event to a member on another instance. */
  emit({ instance, id }: Member, key: string, event: string, data: unknown): void {
    this.#tell(['emit', key, id, event, data], instance)
  }

  async #remoteMembers(
    asker: Session,
    key: string,
    id: string | null,
    enough?: (answer: Json) => boolean,
  ): Promise<Member[]> {
    const answers = await this.#ask(asker, ['members', key, id], enough)
    return answers.flatMap(({ instance, answer }) =>
      (Array.isArray(answer) ? (answer as Member[]) : []).map((member) => ({
        ...member,
        instance,
      })),
    )
  }

  async #ask(
    asker: Session,
    question: Question,
    enough?: (answer: Json) => boolean,
  ): Promise<{ instance: string; answer: unknown }[]> {
    if (!this.exchange) return []
    if (!this.exchange.up) throw new Unreachable()
    asker.charge(bytesOfMessage)
    const answers = await this.exchange.ask(carried(question), enough)
    return answers.map(({ instance, answer }) => ({ instance, answer: restored(answer) }))
  }

  #tell(news: News, instance?: string): void {
    this.exchange?.tell(carried(news), instance)
  }
}
