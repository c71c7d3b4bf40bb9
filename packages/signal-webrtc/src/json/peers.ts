import type { Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import { Refusal } from './refusal.js'

// telling many costs the server more than telling one: it counts as one more message for so many
const toldForOneMessage = 50

/** The clients of one app that have an id, and what reaches them by it. An id is one client's. */
export class Peers {
  readonly #clients = new Map<string, JsonClient>()
  readonly #ids = new Map<JsonClient, string>()

  /** How many there are. */
  get count(): number {
    return this.#clients.size
  }

  /** All ids, the oldest first. */
  get ids(): string[] {
    return [...this.#clients.keys()]
  }

  /** The id of a client that has one. */
  idOf(client: JsonClient): string | undefined {
    return this.#ids.get(client)
  }

  /** Who has an id. */
  get(id: string): JsonClient | undefined {
    return this.#clients.get(id)
  }

  /**
   * Gives an id to a client, instead of the one it had.
   * @returns false, and changes nothing, where it is another one's
   */
  take(id: string, client: JsonClient): boolean {
    const holder = this.#clients.get(id)
    if (holder === client) return true
    if (holder) return false
    this.drop(client)
    this.#clients.set(id, client)
    this.#ids.set(client, id)
    return true
  }

  /**
   * Takes a client's id away.
   * @returns the id, where it had one
   */
  drop(client: JsonClient): string | undefined {
    const id = this.#ids.get(client)
    if (id === undefined) return undefined
    this.#ids.delete(client)
    this.#clients.delete(id)
    return id
  }

  /**
   * Sends a message of a client's to the peer with an id.
   * @throws Refusal where there is none, or too much waits for it already
   */
  relay(to: string, message: Fields): void {
    const peer = this.#clients.get(to)
    if (!peer) throw new Refusal('unknown_peer', 'There is no such peer here.')
    peer.deliver(message)
  }

  /** Sends a message to every peer but one, at the expense of that one's rate. */
  tellOthers(client: JsonClient, message: Fields): void {
    const encoded = JSON.stringify(message)
    for (const peer of this.#clients.values()) if (peer !== client) peer.sendText(encoded)
    client.charge(Math.floor(this.#clients.size / toldForOneMessage))
  }
}
