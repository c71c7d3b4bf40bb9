import type { Json } from 'signal-protocol'
import type { Presence, PresentPeer } from 'signal-server'
import type { Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import { Refusal } from './refusal.js'

// telling many costs the server more than telling one: it counts as one more message for so many
const toldForOneMessage = 50

/** A client of this instance that has an id. */
interface Holder extends PresentPeer {
  readonly client: JsonClient
}

/**
 * The clients of one app that have an id, on every instance, and what reaches them by it. An id is
 * one client's.
 */
export class Peers {
  readonly #holders = new Map<string, Holder>()
  readonly #ids = new Map<JsonClient, string>()

  /**
   * @param hear - brings to a client here what another relays to it
   * @param presence - the peers on other instances, where a bus joins them
   */
  constructor(
    private readonly app: string,
    private readonly hear: (client: JsonClient, from: string, message: Fields) => void,
    private readonly presence: Presence | undefined,
  ) {}

  /** How many there are on this instance. */
  get count(): number {
    return this.#holders.size
  }

  /** All ids, the oldest first. */
  get ids(): string[] {
    const elsewhere = this.presence?.on(this.app) ?? []
    if (elsewhere.length === 0) return [...this.#holders.keys()]
    const all = [...this.#holders.values(), ...elsewhere].sort((a, b) => a.since - b.since)
    return [...new Set(all.map(({ id }) => id))]
  }

  /** Those of this instance, as the others are told of them. */
  *here(): Iterable<PresentPeer> {
    for (const id of this.#holders.keys()) yield this.noticeOf(id)!
  }

  /** One of this instance, as the others are told of it. */
  noticeOf(id: string): PresentPeer | undefined {
    const holder = this.#holders.get(id)
    if (!holder) return undefined
    const { since, info } = holder
    return info === undefined ? { id, since } : { id, since, info }
  }

  /** The id of a client that has one. */
  idOf(client: JsonClient): string | undefined {
    return this.#ids.get(client)
  }

  /** The client that has an id, where it is on this instance. */
  get(id: string): JsonClient | undefined {
    return this.#holders.get(id)?.client
  }

  /** Whether a client has this id, on any instance. */
  has(id: string): boolean {
    return this.#find(id) !== undefined
  }

  /** What a peer on any instance said of itself when it took its id. */
  infoOf(id: string): Json | undefined {
    return this.#find(id)?.info
  }

  /**
   * Gives an id to a client, instead of the one it had.
   *
   * @param info - what all instances shall know of it; instead of what they knew
   * @returns false, and changes nothing, where it is another one's
   */
  take(id: string, client: JsonClient, info?: Json): boolean {
    const own = this.#ids.get(client) === id
    if (!own && this.has(id)) return false
    if (!own) this.drop(client)
    const since = this.#holders.get(id)?.since ?? this.presence?.now() ?? 0
    this.#holders.set(id, { id, since, client, ...(info !== undefined && { info }) })
    this.#ids.set(client, id)
    this.presence?.tell(this.app, this.noticeOf(id)!)
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
    this.#holders.delete(id)
    this.presence?.leave(this.app, id)
    return id
  }

  /**
   * Brings a message of a client that has an id to the peer with another, on any instance.
   *
   * @throws Refusal where there is none, it cannot be reached, or too much waits for it already;
   * where another instance finds that out, the client is told so later
   */
  relay(client: JsonClient, to: string, message: Fields): void {
    const from = this.#ids.get(client)
    if (from === undefined) throw new Refusal('forbidden', 'Who has no id sends nothing to others.')
    const peer = this.get(to)
    if (peer) return this.hear(peer, from, message)
    if (!this.has(to)) throw new Refusal('unknown_peer', 'There is no such peer here.')
    // what came as JSON is JSON
    const relayed = { from, message: message as Json }
    if (!this.presence?.send(this.app, to, relayed)) {
      throw new Refusal('server_full', 'The server of that peer cannot be reached: try again.')
    }
  }

  /** Sends a message to every peer here but one, at the expense of that one's rate. */
  tellOthers(client: JsonClient, message: Fields): void {
    this.tellHere(message, client)
    const elsewhere = this.presence?.on(this.app).length ?? 0
    client.charge(Math.floor((this.#holders.size + elsewhere) / toldForOneMessage))
  }

  /** Sends a message to every peer on this instance, as others do for theirs. */
  tellHere(message: Fields, but?: JsonClient): void {
    const encoded = JSON.stringify(message)
    for (const { client } of this.#holders.values()) if (client !== but) client.sendText(encoded)
  }

  #find(id: string): PresentPeer | undefined {
    return this.#holders.get(id) ?? this.presence?.find(this.app, id)
  }
}
