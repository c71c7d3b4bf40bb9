import { randomBytes } from 'node:crypto'
import { checkOptions, type EndpointFactory } from 'signal-server'
import { text, type Fields } from './json/fields.js'
import type { JsonClient } from './json/json-client.js'
import { jsonEndpoint, type JsonEndpointOptions } from './json/json-endpoint.js'
import type { Peers } from './json/peers.js'
import type { Protocol } from './json/protocol.js'
import { Refusal } from './json/refusal.js'

/**
 * The protocol of relay-ws: a client gets an id, asks who is there (`ls`), and sends `offer`,
 * `answer` and `ice` to one of them (README.md, /relay-ws).
 */
export function relayWs(options: JsonEndpointOptions = {}): EndpointFactory {
  checkOptions('relayWs', options, "{ path: '/relay' }")
  const description = { path: '/relay-ws', ...options, name: 'relay-ws' }
  return jsonEndpoint(description, (peers) => new RelayWs(peers))
}

class RelayWs implements Protocol {
  constructor(private readonly peers: Peers) {}

  come(client: JsonClient): void {
    this.peers.take(peerId(), client)
  }

  receive(client: JsonClient, message: Fields): void {
    const { type } = message
    switch (type) {
      case 'ls': {
        const own = this.peers.idOf(client)
        client.answer(this.peers.listed('{"type":"ls","peers":', '}', own))
        break
      }
      case 'leave':
        this.#leave(client)
        break
      case 'offer':
      case 'answer':
      case 'ice': {
        const to = text(message, 'to')
        const sdp = text(message, 'sdp')
        const from = this.peers.idOf(client)
        if (from === undefined) throw new Refusal('forbidden', 'Who has left sends nothing more.')
        this.peers.relay(client, to, { type, from, to, sdp })
        break
      }
      default:
        throw new Refusal('bad_message', '"type" must be ls, leave, offer, answer or ice.')
    }
  }

  gone(client: JsonClient): void {
    this.#leave(client)
  }

  remoteLeft(from: string): void {
    this.peers.tellHere({ type: 'leave', from }, { id: from, gone: true })
  }

  refused({ code, message }: Refusal): Fields {
    return { type: 'error', code, message }
  }

  #leave(client: JsonClient): void {
    const from = this.peers.drop(client)
    if (from === undefined) return
    this.peers.tellOthers(client, { type: 'leave', from }, { id: from, gone: true })
  }
}

/** 21 characters that need no escaping, as clients have always been given. */
const peerId = () => randomBytes(16).toString('base64url').slice(0, 21)
