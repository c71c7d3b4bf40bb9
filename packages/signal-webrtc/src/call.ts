import type { EndpointFactory } from 'signal-server'
import { text, type Fields } from './json/fields.js'
import type { JsonClient } from './json/json-client.js'
import { jsonEndpoint, type JsonEndpointOptions } from './json/json-endpoint.js'
import type { Peers } from './json/peers.js'
import type { Protocol } from './json/protocol.js'
import { Refusal } from './json/refusal.js'

const maxNameBytes = 256

/**
 * The protocol of webrtc-signal-sample: clients register a name and call each other by it, one to
 * one (README.md, /call).
 */
export const call = (options: JsonEndpointOptions = {}): EndpointFactory =>
  jsonEndpoint({ path: '/call', ...options, name: 'call' }, (peers) => new CallProtocol(peers))

/** Two clients, one of whom calls the other; from the first ring until one of them stops. */
interface Call {
  readonly caller: JsonClient
  readonly callee: JsonClient
  /** The caller's session description. */
  readonly offer: unknown
}

class CallProtocol implements Protocol {
  /** Each client is in one call at most; both parties of a call are here. */
  readonly #calls = new Map<JsonClient, Call>()

  constructor(private readonly peers: Peers) {}

  receive(client: JsonClient, message: Fields): void {
    switch (message.id) {
      case 'register':
        return this.#register(client, message)
      case 'list':
        return client.send({ id: 'listResponse', list: this.peers.ids })
      case 'call':
        return this.#call(client, message)
      case 'incomingCallResponse':
        return this.#answerCall(client, message)
      case 'onIceCandidate': {
        const { candidate } = message
        return this.#party(client).deliver({ id: 'iceCandidate', candidate })
      }
      case 'answer': {
        // one of the published pages calls the field by the name that the other side reads
        const { sdpAnswer, sdp = sdpAnswer } = message
        return this.#party(client).deliver({ id: 'startCommunication', sdpAnswer: sdp })
      }
      case 'stop':
        return this.#stop(client)
      case 'ping':
        return client.send({ id: 'pong' })
      default:
        throw new Refusal('bad_message', '"id" is not the name of a message of this protocol.')
    }
  }

  gone(client: JsonClient): void {
    this.#stop(client)
  }

  refused({ code, message }: Refusal): Fields {
    return { id: 'error', code, message }
  }

  #register(client: JsonClient, message: Fields): void {
    const name = text(message, 'name', maxNameBytes)
    const { id } = client.grant
    const allowed = id === undefined || id === name
    const accepted = allowed && this.peers.take(name, client)
    client.send({ id: 'registerResponse', response: accepted ? 'accepted' : 'rejected' })
  }

  #call(caller: JsonClient, message: Fields): void {
    const to = text(message, 'to')
    const { from, sdpOffer: offer } = message
    const name = this.peers.idOf(caller)
    if (name === undefined) return reject(caller, 'Who calls must have registered a name.')
    if (from !== undefined && from !== name)
      return reject(caller, 'Nobody calls in the name of another.')
    const callee = this.peers.get(to)
    if (!callee) return reject(caller, `${to} is not registered.`)
    if (callee === caller) return reject(caller, 'Nobody can call themselves.')
    const running = this.#calls.get(callee)
    const again = running?.caller === caller
    if (running && !again) return reject(caller, `${to} is in another call.`)
    // whoever starts a new call is done with the one before
    if (!again) this.#stop(caller)
    callee.deliver({ id: 'incomingCall', from: name, offer })
    const ringing = { caller, callee, offer }
    this.#calls.set(caller, ringing).set(callee, ringing)
  }

  #answerCall(callee: JsonClient, message: Fields): void {
    const from = text(message, 'from')
    const { callResponse, sdpOffer, message: reason } = message
    const ringing = this.#calls.get(callee)
    if (ringing?.callee !== callee || this.peers.idOf(ringing.caller) !== from) {
      return reject(callee, 'There is no such call any more.')
    }
    const { caller, offer } = ringing
    if (callResponse === 'accept') {
      // the names are the protocol's: each side is given the session description of the other
      caller.deliver({ id: 'callResponse', response: 'accepted', sdpAnswer: sdpOffer })
      callee.send({ id: 'startCommunication', sdpAnswer: offer })
    } else {
      this.#forget(ringing)
      reject(caller, typeof reason === 'string' ? reason.slice(0, 256) : 'The call was declined.')
    }
  }

  #stop(client: JsonClient): void {
    const running = this.#calls.get(client)
    if (!running) return
    const party = this.#party(client)
    this.#forget(running)
    // a published page reads on into what it does for a callResponse: this keeps it waiting there
    party.send({ id: 'stopCommunication', response: 'rejected', message: 'The call is over.' })
  }

  #forget({ caller, callee }: Call): void {
    this.#calls.delete(caller)
    this.#calls.delete(callee)
  }

  /** The other one in a client's call. */
  #party(client: JsonClient): JsonClient {
    const running = this.#calls.get(client)
    if (!running) throw new Refusal('unknown_peer', 'There is no call to send this to.')
    return running.caller === client ? running.callee : running.caller
  }
}

const reject = (client: JsonClient, message: string) =>
  client.send({ id: 'callResponse', response: 'rejected', message })
