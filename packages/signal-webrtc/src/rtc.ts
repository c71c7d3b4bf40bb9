import { checkOptions, type EndpointFactory, type PresentPeer, type Steps } from 'signal-server'
import { fields, text, type Fields } from './json/fields.js'
import type { JsonClient } from './json/json-client.js'
import { jsonEndpoint, type JsonEndpointOptions } from './json/json-endpoint.js'
import type { Peers } from './json/peers.js'
import type { Protocol } from './json/protocol.js'
import { Refusal } from './json/refusal.js'

/** How {@link rtc} behaves. */
export interface RtcOptions extends JsonEndpointOptions {
  /**
   * What `ready` tells: clients reload when it is another one than before.
   * @default the time of the start, as a new deployment starts anew
   */
  version?: string
}

const maxNameBytes = 256

/** Words that are the server's: no client can put them into another's mouth. */
const ownTypes = new Set(['ready', 'peer', 'error'])

/**
 * The protocol of webrtc-blog: clients say who they are, hear of each other, and send offers to one
 * of them, which it accepts or rejects (README.md, /rtc).
 */
export function rtc(options: RtcOptions = {}): EndpointFactory {
  checkOptions('rtc', options, "{ path: '/signalling' }")
  const { version = String(Date.now()), ...others } = options
  return jsonEndpoint(
    // its published client offers "userid" and its id, and a browser wants one of them echoed
    { path: '/rtc', subprotocols: ['userid'], ...others, name: 'rtc' },
    (peers) => new Rtc(peers, version),
  )
}

class Rtc implements Protocol {
  constructor(
    private readonly peers: Peers,
    private readonly version: string,
  ) {}

  come(client: JsonClient): void {
    client.send({ type: 'ready', version: this.version, id: client.id })
  }

  receive(client: JsonClient, message: Fields): void | Steps {
    const type = text(message, 'type')
    const data = fields(message, 'data')
    if (type === 'identify') return this.#identify(client, data)
    this.#relay(client, type, data)
  }

  gone(client: JsonClient): void {
    this.#remove(client)
  }

  remoteCame(id: string): void {
    const peer = this.peers.encoded(id, described)
    if (peer) this.peers.tellHere(peer, { id })
  }

  remoteLeft(id: string, name: unknown): void {
    this.peers.tellHere(removed(id, name), { id, gone: true })
  }

  outranked(client: JsonClient): void {
    client.send(this.refused(taken()))
  }

  refused({ code, message }: Refusal): Fields {
    return { type: 'error', data: { code, message } }
  }

  *#identify(client: JsonClient, data: Fields): Steps {
    const id = text(data, 'id', maxNameBytes)
    const name = data.name === '' ? '' : text(data, 'name', maxNameBytes)
    if (client.grant.id !== undefined && client.grant.id !== id) {
      throw new Refusal('forbidden', 'The token is for another id.')
    }
    const own = this.peers.idOf(client) === id
    if (!own && !(yield* this.peers.claim(id, client))) throw taken()
    if (!own) this.#remove(client)
    this.peers.take(id, client, name)
    // it hears of those who are there before they can answer
    if (!own) yield* this.peers.introduce(client, described)
    const peer = this.peers.encoded(id, described)
    if (peer && client.open) this.peers.tellOthers(client, peer, { id })
  }

  #relay(client: JsonClient, type: string, data: Fields): void {
    if (ownTypes.has(type)) throw new Refusal('bad_message', 'Only the server says that.')
    const target = text(data, 'target')
    const own = this.peers.idOf(client)
    if (own === undefined) throw new Refusal('forbidden', 'A client must identify itself first.')
    const { source = own, id = own } = data
    if (source !== own || id !== own) {
      throw new Refusal('forbidden', 'A message must come from the id of its sender.')
    }
    // candidates name their sender "id", everything else "source"
    const sender = type === 'icecandidate' ? { id } : { source }
    this.peers.relay(client, target, { type, data: { ...data, ...sender } })
  }

  #remove(client: JsonClient): void {
    const id = this.peers.idOf(client)
    if (id === undefined) return
    const name = this.peers.infoOf(id)
    this.peers.drop(client)
    this.peers.tellOthers(client, removed(id, name), { id, gone: true })
  }
}

const described = ({ id, info: name }: PresentPeer): Fields => ({
  type: 'peer',
  data: { id, name },
})

const removed = (id: string, name: unknown): Fields => ({
  type: 'peer',
  data: { id, name, remove: true },
})

const taken = () =>
  new Refusal('forbidden', 'The id belongs to another client, which is connected.')
