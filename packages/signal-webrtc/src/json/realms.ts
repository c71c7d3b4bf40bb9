import type { Json } from 'signal-server-protocol'
import {
  addressShare,
  Presence,
  Slots,
  type EndpointContext,
  type LocalPresence,
  type PresentPeer,
  type SlicedWork,
} from 'signal-server'
import { isFields, type Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import { Peers } from './peers.js'
import type { Protocol } from './protocol.js'
import { Refusal } from './refusal.js'

/** The clients of one app. */
export interface Realm {
  readonly app: string
  readonly protocol: Protocol
  readonly peers: Peers
  /** The places of its clients. */
  readonly seats: Slots
  clients: number
}

/** The realms of an endpoint on this instance, and what those on other instances tell them. */
export class Realms implements LocalPresence {
  readonly #realms = new Map<string, Realm>()
  readonly #presence: Presence | undefined

  /**
   * @param name - of the endpoint, the same on all instances
   * @param maxClients - of one app
   * @param work - runs what takes more than some microseconds
   * @param open - makes the protocol for one app
   */
  constructor(
    private readonly context: EndpointContext,
    name: string,
    readonly maxClients: number,
    private readonly work: SlicedWork,
    private readonly open: (peers: Peers, context: EndpointContext) => Protocol,
  ) {
    const { instances } = context
    this.#presence = instances && new Presence(instances, name, this)
  }

  get size(): number {
    return this.#realms.size
  }

  /** How many of their clients have an id. */
  get peers(): number {
    return [...this.#realms.values()].reduce((sum, { peers }) => sum + peers.count, 0)
  }

  /** The seats that are taken in the realm where most are. */
  get largest(): number {
    let largest = 0
    for (const { seats } of this.#realms.values()) largest = Math.max(largest, seats.taken)
    return largest
  }

  /** A client of an app comes. */
  enter(app: string): Realm {
    const realm = this.#realms.get(app) ?? this.#make(app)
    realm.clients++
    return realm
  }

  /** One of its clients is gone. */
  leave(realm: Realm): void {
    realm.clients--
    if (realm.clients === 0) this.#realms.delete(realm.app)
  }

  *everyone(): Iterable<readonly [app: string, ids: Iterable<string>]> {
    for (const { app, peers } of this.#realms.values()) yield [app, peers.here]
  }

  peer(app: string, id: string): PresentPeer | undefined {
    return this.#realms.get(app)?.peers.noticeOf(id)
  }

  came(app: string, { id }: PresentPeer): void {
    const realm = this.#realms.get(app)
    realm?.peers.changed()
    realm?.protocol.remoteCame?.(id)
  }

  left(app: string, { id, info }: PresentPeer): void {
    const realm = this.#realms.get(app)
    realm?.peers.changed()
    realm?.protocol.remoteLeft?.(id, info)
  }

  stayed(app: string, { id }: PresentPeer): void {
    this.#realms.get(app)?.protocol.remoteStayed?.(id)
  }

  outranked(app: string, id: string): void {
    const realm = this.#realms.get(app)
    const client = realm?.peers.get(id)
    if (!client) return
    realm?.protocol.outranked?.(client)
    realm?.peers.drop(client)
  }

  async prove(app: string, id: string): Promise<void> {
    await this.#realms.get(app)?.peers.get(id)?.prove()
  }

  received(app: string, to: string, message: Json): void {
    if (!isFields(message)) return
    const realm = this.#realms.get(app)
    const client = realm?.peers.get(to)
    const { from, refused } = message
    if (typeof from === 'string' && isFields(message.message)) {
      this.#relay(app, realm, client, from, message.message)
    } else if (realm && client && isFields(refused)) {
      const { code, text } = refused as { code: Refusal['code']; text: string }
      client.send(realm.protocol.refused(new Refusal(code, text)))
    }
  }

  /** Brings what a remote peer relays to a client here, or tells it why not. */
  #relay(
    app: string,
    realm: Realm | undefined,
    client: JsonClient | undefined,
    from: string,
    message: Fields,
  ): void {
    try {
      if (!realm || !client) throw new Refusal('unknown_peer', 'That peer is gone.')
      hear(realm, client, from, message)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, message: text } = error
      this.#presence?.send(app, from, { refused: { code, text } })
    }
  }

  #make(app: string): Realm {
    const { work } = this
    const peers = new Peers({
      app,
      work,
      presence: this.#presence,
      hear: (client, from, message) => hear(realm, client, from, message),
    })
    const { settings } = this.context
    const perAddress = Math.ceil(this.maxClients * addressShare(settings))
    const seats = new Slots(this.maxClients, perAddress, settings.headersTimeout)
    const protocol = this.open(peers, this.context)
    const realm: Realm = { app, peers, protocol, seats, clients: 0 }
    this.#realms.set(app, realm)
    return realm
  }
}

function hear({ peers, protocol }: Realm, client: JsonClient, from: string, message: Fields): void {
  // it hears of a peer before it hears from it
  peers.flush(client)
  if (protocol.heard) protocol.heard(client, from, message)
  else client.deliver(message)
}
