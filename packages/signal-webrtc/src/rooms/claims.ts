import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from './cluster.js'
import type { Session } from './session.js'
import { judge, type Claimant, type Standing } from './standing.js'

const maxLooks = 10

/** Settles which of several clients has a new room, on all instances. */
export class Claims {
  constructor(private readonly cluster: Cluster) {}

  /**
   * Claims a room for a client, which stands in it from then on.
   *
   * @returns whether there was nobody else
   * @throws Unreachable
   */
  async claim(session: Session, key: string): Promise<boolean> {
    const { socket, rooms } = session
    const claim: Standing = { since: Date.now(), claim: true }
    rooms[key] = claim
    void socket.join(key)
    let won = false
    try {
      won = await this.#wins(session, claim, key)
    } finally {
      if (won && socket.connected) rooms[key] = { since: claim.since }
      else {
        delete rooms[key]
        void socket.leave(key)
      }
    }
    return won
  }

  async #wins(session: Session, standing: Standing, key: string): Promise<boolean> {
    const claim: Claimant = { id: session.id, ...standing }
    for (let look = 0; look < maxLooks; look++) {
      const others = (await this.cluster.members(session, key)).filter(({ id }) => id !== claim.id)
      const verdict = judge(claim, others)
      if (verdict !== 'look again') return verdict === 'won'
      await delay(20 + 30 * Math.random())
    }
    return false
  }
}
