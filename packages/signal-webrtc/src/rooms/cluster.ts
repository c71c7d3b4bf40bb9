import type { SharedRooms } from './redis.js'
import type { Session } from './session.js'
import type { Joined, Placement, RoomServer } from './socket.js'
import { isRoomKey, type Member, type Visible } from './standing.js'

/** Thrown where other instances must be asked, and cannot be. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  constructor() {
    super('The other instances cannot be asked now: try again later.')
  }
}

const answerTime = 5_000

/** What is known of rooms and clients on all instances. */
export class Cluster {
  constructor(
    private readonly io: RoomServer,
    private readonly shared: SharedRooms | undefined,
  ) {}

  /**
   * Everybody in a room, and who claims it.
   * @throws Unreachable
   */
  async members(key: string): Promise<Member[]> {
    return toMembers(key, await this.#ask(() => this.io.in(key).fetchSockets()))
  }

  /**
   * A client, wherever it is, as a member of a room.
   *
   * @param id - of a client; the name of a room is nobody's id
   * @throws Unreachable
   */
  async member(key: string, id: string): Promise<Member | undefined> {
    // socket.io has no name for a client but that of a room, and a client may have written this one
    if (isRoomKey(id)) return undefined
    const sockets = await this.#ask(() => this.io.in(id).fetchSockets())
    return toMembers(key, sockets).find((member) => member.id === id)
  }

  /**
   * Asks the other instances to place a candidate.
   * @returns whether one of them did
   * @throws Unreachable
   */
  async place(placement: Placement): Promise<boolean> {
    if (!this.shared) return false
    const answers = await this.#ask(() => this.io.serverSideEmitWithAck('place', placement))
    return answers.some((placed) => placed)
  }

  /**
   * Asks the instance of a client for a sign of life: a client that gives none is gone by then.
   * @throws Unreachable
   */
  async prove(id: string): Promise<void> {
    if (this.shared) await this.#ask(() => this.io.serverSideEmitWithAck('prove', id))
  }

  /** Tells the members on other instances that a client is in their room. */
  tellCame(key: string, joined: Joined): void {
    if (this.shared) this.io.serverSideEmit('came', key, joined)
  }

  /** Tells the other instances that a client has left a room. */
  tellGone(key: string, { id, peerinfo }: Session): void {
    if (this.shared) this.io.serverSideEmit('gone', key, id, peerinfo)
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (!this.shared) return question()
    if (!this.shared.up) throw new Unreachable()
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

function toMembers(
  key: string,
  sockets: readonly { readonly id: string; readonly data: Visible }[],
): Member[] {
  return sockets.flatMap(({ id, data: { peerinfo, rooms, congested } }) => {
    const standing = rooms[key]
    return standing ? { id, peerinfo, congested, ...standing } : []
  })
}
