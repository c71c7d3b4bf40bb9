import type { Json } from 'signal-protocol'
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
export interface Hall {
  readonly app: string
  readonly protocol: Protocol
  readonly peers: Peers
  /** The places of its clients. */
  readonly seats: Slots
  clients: number
}

/** The halls of an endpoint on this instance, and what those on other instances tell them. */
export class Halls implements LocalPresence {
  readonly #halls = new Map<string, Hall>()
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
    return this.#halls.size
  }

  /** How many of their clients have an id. */
  get peers(): number {
    return [...this.#halls.values()].reduce((sum, { peers }) => sum + peers.count, 0)
  }

  /** The seats that are taken in the hall where most are. */
  get largest(): number {
    let largest = 0
    for (const { seats } of this.#halls.values()) largest = Math.max(largest, seats.taken)
    return largest
  }

  /** A client of an app comes. */
  enter(app: string): Hall {
    const hall = this.#halls.get(app) ?? this.#make(app)
    hall.clients++
    return hall
  }

  /** One of its clients is gone. */
  leave(hall: Hall): void {
    hall.clients--
    if (hall.clients === 0) this.#halls.delete(hall.app)
  }

  *everyone(): Iterable<readonly [app: string, peers: Iterable<PresentPeer>]> {
    for (const { app, peers } of this.#halls.values()) yield [app, peers.here()]
  }

  peer(app: string, id: string): PresentPeer | undefined {
    return this.#halls.get(app)?.peers.noticeOf(id)
  }

  came(app: string, { id }: PresentPeer): void {
    const hall = this.#halls.get(app)
    hall?.peers.changed()
    hall?.protocol.cameElsewhere?.(id)
  }

  left(app: string, { id, info }: PresentPeer): void {
    const hall = this.#halls.get(app)
    hall?.peers.changed()
    hall?.protocol.leftElsewhere?.(id, info)
  }

  stayed(app: string, { id }: PresentPeer): void {
    this.#halls.get(app)?.protocol.stayedElsewhere?.(id)
  }

  outranked(app: string, id: string): void {
    const hall = this.#halls.get(app)
    const client = hall?.peers.get(id)
    if (!client) return
    hall?.protocol.outranked?.(client)
    hall?.peers.drop(client)
  }

  async prove(app: string, id: string): Promise<void> {
    await this.#halls.get(app)?.peers.get(id)?.prove()
  }

  received(app: string, to: string, message: Json): void {
    if (!isFields(message)) return
    const hall = this.#halls.get(app)
    const client = hall?.peers.get(to)
    const { from, refused } = message
    if (typeof from === 'string' && isFields(message.message)) {
      this.#relay(app, hall, client, from, message.message)
    } else if (hall && client && isFields(refused)) {
      const { code, text } = refused as { code: Refusal['code']; text: string }
      client.send(hall.protocol.refused(new Refusal(code, text)))
    }
  }

  /** Brings what a peer elsewhere relays to a client here, or tells it why not. */
  #relay(
    app: string,
    hall: Hall | undefined,
    client: JsonClient | undefined,
    from: string,
    message: Fields,
  ): void {
    try {
      if (!hall || !client) throw new Refusal('unknown_peer', 'That peer is gone.')
      hear(hall, client, from, message)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, message: text } = error
      this.#presence?.send(app, from, { refused: { code, text } })
    }
  }

  #make(app: string): Hall {
    const { work } = this
    const peers = new Peers({
      app,
      work,
      presence: this.#presence,
      hear: (client, from, message) => hear(hall, client, from, message),
    })
    const { settings } = this.context
    const perAddress = Math.ceil(this.maxClients * addressShare(settings))
    const seats = new Slots(this.maxClients, perAddress, settings.headersTime)
    const protocol = this.open(peers, this.context)
    const hall: Hall = { app, peers, protocol, seats, clients: 0 }
    this.#halls.set(app, hall)
    return hall
  }
}

function hear({ peers, protocol }: Hall, client: JsonClient, from: string, message: Fields): void {
  // it hears of a peer before it hears from it
  peers.flush(client)
  if (protocol.heard) protocol.heard(client, from, message)
  else client.deliver(message)
}
