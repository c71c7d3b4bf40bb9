import { checkOptions, type ByteBudget, type EndpointFactory, type Steps } from 'signal-server'
import { v4 as uuid } from 'uuid'
import { Calls, Offer, type Call } from './calls.js'
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
export function call(options: JsonEndpointOptions = {}): EndpointFactory {
  checkOptions('call', options, "{ path: '/calls' }")
  return jsonEndpoint(
    { path: '/call', ...options, name: 'call' },
    (peers, { budget }) => new CallProtocol(peers, budget),
  )
}

class CallProtocol implements Protocol {
  readonly #calls: Calls

  constructor(
    private readonly peers: Peers,
    budget: ByteBudget,
  ) {
    this.#calls = new Calls(budget)
  }

  receive(client: JsonClient, message: Fields): void | Steps {
    switch (message.id) {
      case 'register':
        return this.#register(client, message)
      case 'list':
        return client.answer(this.peers.listed('{"id":"listResponse","list":', '}'))
      case 'call':
        return this.#call(client, message)
      case 'incomingCallResponse':
        return this.#answerCall(client, message)
      case 'onIceCandidate': {
        const { candidate } = message
        return this.#tell(client, this.#running(client), { event: 'candidate', candidate })
      }
      case 'answer': {
        // one of the published pages calls the field by the name that the other side reads
        const { sdpAnswer, sdp = sdpAnswer } = message
        return this.#tell(client, this.#running(client), { event: 'answer', sdp })
      }
      case 'stop':
        return this.#stop(client)
      case 'ping':
        return client.send({ id: 'pong' })
      default:
        throw new Refusal('bad_message', '"id" is not the name of a message of this protocol.')
    }
  }

  heard(client: JsonClient, from: string, message: Fields): void {
    const { event } = message
    if (event === 'ring') return this.#rung(client, from, message)
    const running = this.#calls.get(client)
    if (!running || running.call !== message.call || running.party !== from) {
      // the other one does not know yet that it is over
      if (event !== 'stop' && event !== 'refuse') this.#tellStop(client, from, message.call)
      return
    }
    switch (event) {
      case 'accept': {
        const { answer: sdpAnswer } = message
        return client.deliver({ id: 'callResponse', response: 'accepted', sdpAnswer })
      }
      case 'refuse':
        this.#calls.delete(client)
        return reject(client, String(message.message))
      case 'candidate': {
        const { candidate } = message
        return client.deliver({ id: 'iceCandidate', candidate })
      }
      case 'answer':
        return client.deliver({ id: 'startCommunication', sdpAnswer: message.sdp })
      case 'stop':
        return this.#stopped(client)
    }
  }

  gone(client: JsonClient): void {
    this.#stop(client)
  }

  remoteLeft(name: string): void {
    for (const [client] of this.#calls.with(name)) this.#stopped(client)
  }

  remoteStayed(name: string): void {
    // that it ended may have been lost: whoever does not know of a call any more says so
    for (const [client, running] of this.#calls.with(name)) {
      this.#tell(client, running, { event: 'check' })
    }
  }

  outranked(client: JsonClient): void {
    this.#stop(client)
    client.send({ id: 'registerResponse', response: 'rejected' })
  }

  refused({ code, message }: Refusal): Fields {
    return { id: 'error', code, message }
  }

  *#register(client: JsonClient, message: Fields): Steps {
    const name = text(message, 'name', maxNameBytes)
    const { id = name } = client.grant
    const own = this.peers.idOf(client) === name
    const accepted = own || (id === name && (yield* this.peers.claim(name, client)))
    if (accepted && !own) {
      // others know the parties of a call by their names
      this.#stop(client)
      this.peers.take(name, client)
    }
    client.send({ id: 'registerResponse', response: accepted ? 'accepted' : 'rejected' })
  }

  #call(caller: JsonClient, message: Fields): void {
    const to = text(message, 'to')
    const { from, sdpOffer: offer } = message
    const name = this.peers.idOf(caller)
    if (name === undefined) return reject(caller, 'Who calls must have registered a name.')
    if (from !== undefined && from !== name)
      return reject(caller, 'Nobody calls in the name of another.')
    if (!this.peers.has(to)) return reject(caller, `${to} is not registered.`)
    if (to === name) return reject(caller, 'Nobody can call themselves.')
    const before = this.#calls.get(caller)
    // whoever starts a new call is done with the one before
    if (before?.incoming || before?.party !== to) this.#stop(caller)
    const ringing: Call = { call: uuid(), party: to, incoming: false }
    this.#calls.set(caller, ringing)
    try {
      this.#tell(caller, ringing, { event: 'ring', offer })
    } catch (error) {
      this.#calls.delete(caller)
      throw error
    }
  }

  #rung(callee: JsonClient, from: string, { call, offer: value }: Fields): void {
    const running = this.#calls.get(callee)
    const again = running?.incoming && running.party === from
    const offer = new Offer(value)
    const incoming: Call = { call: String(call), party: from, incoming: true, offer }
    const refuse = (message: string) => this.#tell(callee, incoming, { event: 'refuse', message })
    if (running && !again) return refuse(`${this.peers.idOf(callee)} is in another call.`)
    if (!this.#calls.fits(offer)) return refuse('The server has no memory for such an offer now.')
    try {
      callee.deliver({ id: 'incomingCall', from, offer: value })
      this.#calls.set(callee, incoming)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(error.message)
    }
  }

  #answerCall(callee: JsonClient, message: Fields): void {
    const from = text(message, 'from')
    const { callResponse, sdpOffer: answer, message: reason } = message
    const ringing = this.#calls.get(callee)
    if (!ringing?.incoming || ringing.party !== from) {
      return reject(callee, 'There is no such call any more.')
    }
    if (callResponse === 'accept') {
      // the names are the protocol's: each side is given the session description of the other
      this.#tell(callee, ringing, { event: 'accept', answer })
      callee.send({ id: 'startCommunication', sdpAnswer: ringing.offer?.value })
    } else {
      this.#calls.delete(callee)
      const message = typeof reason === 'string' ? reason.slice(0, 256) : 'The call was declined.'
      this.#tell(callee, ringing, { event: 'refuse', message })
    }
  }

  #stop(client: JsonClient): void {
    const running = this.#calls.get(client)
    if (!running) return
    this.#calls.delete(client)
    this.#tellStop(client, running.party, running.call)
  }

  #tellStop(client: JsonClient, party: string, call: unknown): void {
    try {
      this.peers.relay(client, party, { event: 'stop', call })
    } catch (error) {
      // it is over for this one in any case
      if (!(error instanceof Refusal)) throw error
    }
  }

  #stopped(client: JsonClient): void {
    this.#calls.delete(client)
    // a published page reads on into what it does for a callResponse: this keeps it waiting there
    client.send({ id: 'stopCommunication', response: 'rejected', message: 'The call is over.' })
  }

  /** Tells the other party of a call something. */
  #tell(client: JsonClient, { call, party }: Call, event: Fields): void {
    this.peers.relay(client, party, { ...event, call })
  }

  #running(client: JsonClient): Call {
    const running = this.#calls.get(client)
    if (!running) throw new Refusal('unknown_peer', 'There is no call to send this to.')
    return running
  }
}

const reject = (client: JsonClient, message: string) =>
  client.send({ id: 'callResponse', response: 'rejected', message })
