import type { Socket } from 'node:net'
import { isPrivate, limitedAs } from '../address.js'
import { Rank, type Holding } from '../limits/holders.js'
import { Slots } from '../limits/slots.js'

// some 6 KB each
const maxPending = 2_048
// so long a client is left alone before it makes room for another one
const grace = 1_000

/**
 * The sockets that are with the primary process: their request line is not complete, or they wait
 * for a worker. One address gets an eighth of the places, and a newcomer gets the place of the client
 * that has waited longest. Addresses of private networks may be those of a proxy, which brings many
 * clients: they are one group.
 */
export class PendingSockets {
  readonly #slots = new Slots(maxPending, maxPending / 8, grace)
  readonly #holdings = new WeakMap<Socket, Holding>()

  /** @returns whether there is room for it */
  add(socket: Socket): boolean {
    const { remoteAddress: address } = socket
    const counted = address === undefined || isPrivate(address) ? undefined : limitedAs(address)
    const holding = this.#slots.take(counted, Rank.idle, () => socket.destroy())
    if (typeof holding === 'string') return false
    this.#holdings.set(socket, holding)
    socket.once('close', () => this.remove(socket))
    return true
  }

  /** The socket is a worker's now, or is gone. */
  remove(socket: Socket): void {
    const holding = this.#holdings.get(socket)
    if (holding) holding.amount = 0
  }
}
