import debug from 'debug'
import { CloseCode } from 'signal-server-protocol'
import {
  Rank,
  reportFault,
  SlicedWork,
  WebSocketAcceptor,
  type Claim,
  type Endpoint,
  type EndpointContext,
  type EndpointFactory,
  type Holding,
  type Steps,
  type Upgrade,
} from 'signal-server'
import { fieldsOf } from './fields.js'
import { Realms, type Realm } from './realms.js'
import { JsonClient, type JsonClientHandler } from './json-client.js'
import type { Peers } from './peers.js'
import type { Protocol } from './protocol.js'
import { defaultRate, type Rate } from './rate.js'
import { Refusal } from './refusal.js'

/** What every endpoint that speaks in JSON can be told. Sizes are in bytes. */
export interface JsonEndpointOptions extends Rate {
  /** Where it is, below the server's mount; `*` for every path that no endpoint before it has. */
  path?: string
  /** Size of a message. @default 65536 */
  maxMessageBytes?: number
  /** Clients of one app, on one instance. @default 1000 */
  maxClients?: number
}

/** What the endpoint of one protocol is. */
export interface JsonEndpointDescription extends JsonEndpointOptions {
  /** Names it in claims, stats and logs. */
  name: string
  path: string
  /** WebSocket subprotocols that its clients offer and need to see echoed. @default none */
  subprotocols?: readonly string[]
}

/**
 * An endpoint whose clients send JSON objects over a WebSocket.
 *
 * @param open - makes the protocol for one app: apps are realms of their own, so it never sees
 * peers of another
 */
export function jsonEndpoint(
  description: JsonEndpointDescription,
  open: (peers: Peers, context: EndpointContext) => Protocol,
): EndpointFactory {
  return (context) => new JsonEndpoint(context, description, open)
}

class JsonEndpoint implements Endpoint, JsonClientHandler {
  readonly name: string
  readonly path: string
  readonly #rate: Required<Rate>
  readonly #acceptor: WebSocketAcceptor
  readonly #work = new SlicedWork()
  readonly #realms: Realms
  readonly #clients = new Map<JsonClient, Realm>()
  /** The seat that each client has in its realm, and its place among the sockets of the server. */
  readonly #places = new Map<JsonClient, readonly [seat: Holding, socket: Holding]>()
  readonly #log: debug.Debugger

  constructor(
    private readonly context: EndpointContext,
    description: JsonEndpointDescription,
    open: (peers: Peers, context: EndpointContext) => Protocol,
  ) {
    const {
      name,
      path,
      subprotocols,
      maxMessageBytes = 64 * 1024,
      maxClients = 1_000,
    } = description
    this.name = name
    this.path = path
    // one protocol may be at several paths
    this.#realms = new Realms(context, `${name} ${path}`, maxClients, this.#work, open)
    const { messagesPerSecond, messagesBurst } = { ...defaultRate, ...description }
    this.#rate = { messagesPerSecond, messagesBurst }
    this.#acceptor = new WebSocketAcceptor(context, {
      maxMessageBytes,
      autoPong: false,
      ...(subprotocols && { subprotocols }),
    })
    this.#log = debug(`signal:${name}`)
  }

  match(path: string): Claim | undefined {
    if (this.path !== '*' && path !== this.path) return undefined
    return { endpoint: this.name }
  }

  accept(upgrade: Upgrade): void {
    const ws = this.#acceptor.accept(upgrade)
    if (!ws) return
    const { app, grant, socket, address, place } = upgrade
    const client = new JsonClient(grant, ws, socket, this.context, this, this.#log, this.#rate)
    const realm = this.#realms.enter(app)
    this.#clients.set(client, realm)
    this.#log('%s has come', client.id)
    const shed = () => client.end(CloseCode.tryLater, 'client_shed')
    place.shed = shed
    const seat = realm.seats.take(address, Rank.waiting, shed)
    if (typeof seat === 'string') {
      const { max, maxPerAddress } = realm.seats
      const sentence =
        seat === 'all'
          ? `There are ${max} clients here, which is as many as may be.`
          : `There are ${maxPerAddress} clients of your address here, which is as many as may be.`
      client.send(realm.protocol.refused(new Refusal('room_full', sentence)))
      client.end(CloseCode.tryLater, 'refused_server_full')
    } else {
      this.#places.set(client, [seat, place])
      this.#run(client, () => realm.protocol.come?.(client))
      this.#rank(client, realm)
    }
  }

  received(client: JsonClient, data: Uint8Array, done: () => void): void {
    const [, place] = this.#places.get(client) ?? []
    const of = place?.address ?? client
    this.#work.run(this.#carryOut(client, data), done, { of, bytes: data.length })
  }

  gone(client: JsonClient): void {
    const realm = this.#clients.get(client)
    if (!realm) return
    this.#run(client, (protocol) => protocol.gone?.(client))
    // whatever the protocol does, nobody keeps the id of a client that is gone
    realm.peers.drop(client)
    this.#clients.delete(client)
    const [seat] = this.#places.get(client) ?? []
    if (seat) seat.amount = 0
    this.#places.delete(client)
    this.#realms.leave(realm)
  }

  drain(): Promise<void> {
    for (const client of this.#clients.keys()) client.end(CloseCode.restarting, 'restarted')
    return Promise.resolve()
  }

  close(): void {
    this.#work.close()
    for (const client of this.#clients.keys()) client.destroy()
    this.#acceptor.close()
  }

  stats(): Record<string, number> {
    const { peers, size: apps, largest: largestAppClients } = this.#realms
    return { clients: this.#clients.size, peers, apps, largestAppClients }
  }

  get limits(): Record<string, number> {
    return { largestAppClients: this.#realms.maxClients }
  }

  *#carryOut(client: JsonClient, data: Uint8Array): Steps {
    const realm = this.#clients.get(client)
    if (!realm) return
    yield* realm.peers.ready(client)
    try {
      const steps = realm.protocol.receive(client, fieldsOf(data))
      if (steps) yield* steps
    } catch (error) {
      this.#refuse(client, realm.protocol, error)
    }
    this.#rank(client, realm)
  }

  /** Others know a client by its id: one without an id gives way to newcomers first. */
  #rank(client: JsonClient, realm: Realm): void {
    const rank = realm.peers.idOf(client) === undefined ? Rank.waiting : Rank.active
    for (const place of this.#places.get(client) ?? []) place.rank = rank
  }

  /** Lets the protocol do something for a client; whatever goes wrong is told to that one. */
  #run(client: JsonClient, act: (protocol: Protocol) => void): void {
    const protocol = this.#clients.get(client)?.protocol
    if (!protocol) return
    try {
      act(protocol)
    } catch (error) {
      this.#refuse(client, protocol, error)
    }
  }

  #refuse(client: JsonClient, protocol: Protocol, error: unknown): void {
    const refusal = this.#refusalFrom(error)
    this.#log('%s: refused, %s', client.id, refusal.message)
    client.send(protocol.refused(refusal))
    if (refusal.code === 'bad_message') client.countBadMessage()
  }

  #refusalFrom(error: unknown): Refusal {
    if (error instanceof Refusal) return error
    if (error instanceof RangeError) {
      // JSON.parse reads what JSON.stringify has no stack for
      return new Refusal('bad_message', 'The message is nested too deeply.')
    }
    reportFault(this.context.events, error)
    return new Refusal('bad_message', 'The server could not carry this out.')
  }
}
