import { bytesOfMessage } from '../json/rate.js'
import type { SharedRooms } from './redis.js'
import type { Session } from './session.js'
import type { Joined, Placement, RoomServer } from './socket.js'
import type { Member } from './standing.js'

/** Thrown where other instances must be asked, and cannot be. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  constructor() {
    super('The other instances cannot be asked now: try again later.')
  }
}

const answerTime = 5_000
// measured on Node 20 against the time that a message of 4 KiB takes
const lookedAtBytes = 32

/** What is known of rooms and clients on all instances. Each question is charged to its asker. */
export class Cluster {
  constructor(
    private readonly io: RoomServer,
    private readonly shared: SharedRooms | undefined,
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
    return (await this.#remoteMembers(asker, key, id))[0]
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
    if (!this.shared) return false
    const answers = await this.#ask(asker, () => this.io.serverSideEmitWithAck('place', placement))
    return answers.some((placed) => placed)
  }

  /**
   * Asks the instance of a client for a sign of life: a client that gives none is gone by then.
   * @throws Unreachable
   */
  async prove(asker: Session, id: string): Promise<void> {
    if (this.shared) await this.#ask(asker, () => this.io.serverSideEmitWithAck('prove', id))
  }

  /** Tells the members on other instances that a client is in their room. */
  tellCame(key: string, joined: Joined): void {
    if (this.shared) this.io.serverSideEmit('came', key, joined)
  }

  /** Tells the other instances that a client has left a room. */
  tellGone(key: string, { id, peerinfo }: Session): void {
    if (this.shared) this.io.serverSideEmit('gone', key, id, peerinfo)
  }

  /** What socket.io itself asks would bring all rooms of each member as well. */
  async #remoteMembers(asker: Session, key: string, id: string | null): Promise<Member[]> {
    if (!this.shared) return []
    return (await this.#ask(asker, () => this.io.serverSideEmitWithAck('members', key, id))).flat()
  }

  async #ask<T>(asker: Session, question: () => Promise<T>): Promise<T> {
    if (!this.shared?.up) throw new Unreachable()
    asker.charge(bytesOfMessage)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Unreachable()), answerTime)
    })
    try {
      return await Promise.race([question(), late])
    } catch {
      throw new Unreachable()
    } finally {
      clearTimeout(timer)
    }
  }
}
