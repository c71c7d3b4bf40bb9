import { Refusal } from '../json/refusal.js'
import type { Ask, Asks } from './asks.js'
import type { Cluster } from './cluster.js'
import { congested } from './refusals.js'
import type { Session } from './session.js'
import type { RoomServer } from './socket.js'
import { appOf, ownerOf } from './standing.js'
import type { Turns } from './turns.js'

const together = 20

const done = Promise.resolve()

/** Shows the requests to join rooms to the owners, and again to the next owner if one leaves. */
export class OwnerRequests {
  constructor(
    private readonly io: RoomServer,
    private readonly cluster: Cluster,
    private readonly asks: Asks,
    private readonly turns: Turns,
  ) {}

  /** Shows requests that a client had not answered when it left to the next owner. */
  ownerGone(key: string, id: string): void {
    void this.#showAllAgain(key, id)
  }

  async #showAllAgain(key: string, id: string): Promise<void> {
    const app = appOf(key)
    let count = 0
    for (const session of [...this.asks.of(key)]) {
      // a client may leave a hundred rooms at the same time
      if (++count % together === 0) await this.turns.run(() => done, app)
      const ask = this.asks.get(session, key)
      if (!ask || (ask.owner !== undefined && ask.owner !== id)) continue
      // a room may have thousands who ask, and each is looked up among all members
      void this.turns.run(() => this.#showAgain(session, key, ask), app)
    }
  }

  async #showAgain(session: Session, key: string, ask: Ask): Promise<void> {
    try {
      if (this.asks.get(session, key) === ask) await this.show(session, key, ask)
    } catch (error) {
      if (this.asks.get(session, key) !== ask) return
      this.asks.delete(session, key)
      const message = error instanceof Error ? error.message : String(error)
      session.socket.emit('room-join-reject', { room: ask.room, message, payload: ask.payload })
    }
  }

  /** Shows a request to whoever owns the room, even if that changes meanwhile. */
  async show(session: Session, key: string, ask: Ask): Promise<void> {
    ask.again = true
    if (ask.showing) return
    ask.showing = true
    try {
      while (ask.again) {
        ask.again = false
        const owner = ownerOf(await this.cluster.members(session, key))
        if (this.asks.get(session, key) !== ask) return
        if (!owner) throw new Refusal('unknown_peer', 'Room is not found.')
        if (owner.congested) throw congested()
        ask.owner = owner.id
        const { id, peerinfo } = session
        const { room, payload } = ask
        const request = { room, peer_id: id, peerinfo, payload }
        if (owner.instance === undefined) this.io.to(owner.id).emit('room-join-request', request)
        else this.cluster.emit(owner, key, 'room-join-request', request)
      }
    } finally {
      ask.showing = false
    }
  }
}
