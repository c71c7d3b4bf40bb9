import { judgeOffer, type CallState } from './call-state.js'
import type { Said } from './said.js'

/** Why a call is over. */
export type Ended = 'hung up' | 'declined' | 'busy' | 'no answer' | 'gone' | 'lost' | 'not reached'

/** What a call needs of the page that it is on. */
export interface CallPage {
  readonly ownId: string
  readonly iceServers: readonly RTCIceServer[]
  /** What the camera gives. */
  readonly stream: MediaStream | undefined
  /** @returns whether it was sent */
  say(to: string, said: Said): boolean
  changed(state: CallState): void
  /** What the other side's camera gives. */
  seen(stream: MediaStream): void
  ended(peer: string, why: Ended): void
}

const ringTime = 45_000

/** The one call that a page may have, from the first ring on. */
export class Call {
  #state: CallState = { is: 'idle' }
  #connection: RTCPeerConnection | undefined
  /** Candidates that came before what they belong to. */
  #early: RTCIceCandidateInit[] = []
  #timer: number | undefined

  constructor(private readonly page: CallPage) {}

  get state(): CallState {
    return this.#state
  }

  /** Rings at another visitor. */
  async start(peer: string): Promise<void> {
    if (this.#state.is !== 'idle') return
    const call = String(Math.random()).slice(2)
    this.#enter({ is: 'calling', peer, call })
    const connection = this.#connect(peer, call)
    this.#timer = window.setTimeout(() => this.hangUp('no answer'), ringTime)
    await connection.setLocalDescription(await connection.createOffer())
    if (this.#connection !== connection) return
    const description = connection.localDescription!.toJSON()
    if (!this.page.say(peer, { call, say: 'offer', description })) this.#end('not reached')
  }

  /** Takes the call that rings here. */
  async accept(): Promise<void> {
    if (this.#state.is !== 'ringing') return
    const { peer, call, offer } = this.#state
    const connection = this.#connect(peer, call)
    this.#enter({ is: 'talking', peer, call })
    await this.#describe(connection, offer)
    await connection.setLocalDescription(await connection.createAnswer())
    if (this.#connection !== connection) return
    const description = connection.localDescription!.toJSON()
    this.page.say(peer, { call, say: 'answer', description })
  }

  /** Does not take the call that rings here. */
  refuse(): void {
    if (this.#state.is !== 'ringing') return
    const { peer, call } = this.#state
    this.page.say(peer, { call, say: 'refused', why: 'declined' })
    this.#enter({ is: 'idle' })
  }

  /** Ends it, on whichever side it rings. */
  hangUp(why: Ended = 'hung up'): void {
    if (this.#state.is === 'idle') return
    this.page.say(this.#state.peer, { call: this.#state.call, say: 'over' })
    this.#end(why)
  }

  /** The other side is no longer in the room. */
  left(peer: string): void {
    if (this.#state.is !== 'idle' && this.#state.peer === peer) this.#end('gone')
  }

  /** Shows what another camera gives, without ringing anew. */
  async show(stream: MediaStream): Promise<void> {
    for (const sender of this.#connection?.getSenders() ?? []) {
      const track = stream.getTracks().find(({ kind }) => kind === sender.track?.kind)
      if (track) await sender.replaceTrack(track)
    }
  }

  /** What somebody in the room says. */
  async hear(from: string, said: Said): Promise<void> {
    if (said.say === 'offer') return this.#offered(from, said.call, said.description)
    if (this.#state.is === 'idle' || this.#state.call !== said.call) return
    if (this.#state.peer !== from) return
    const connection = this.#connection
    switch (said.say) {
      case 'answer':
        if (this.#state.is !== 'calling' || !connection) return
        this.#enter({ is: 'talking', peer: from, call: said.call })
        return this.#describe(connection, said.description)
      case 'candidate':
        if (connection?.remoteDescription) return connection.addIceCandidate(said.candidate)
        this.#early.push(said.candidate)
        return
      case 'refused':
        return this.#end(said.why)
      case 'over':
        return this.#end(this.#state.is === 'ringing' ? 'no answer' : 'hung up')
    }
  }

  async #offered(from: string, call: string, offer: RTCSessionDescriptionInit): Promise<void> {
    switch (judgeOffer(this.#state, this.page.ownId, from)) {
      case 'ignore':
        return
      case 'busy':
        this.page.say(from, { call, say: 'refused', why: 'busy' })
        return
      case 'ring':
        this.#close()
        return this.#enter({ is: 'ringing', peer: from, call, offer })
      case 'accept at once':
        this.#close()
        this.#enter({ is: 'ringing', peer: from, call, offer })
        return this.accept()
    }
  }

  #connect(peer: string, call: string): RTCPeerConnection {
    const connection = new RTCPeerConnection({ iceServers: [...this.page.iceServers] })
    this.#connection = connection
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return
      this.page.say(peer, { call, say: 'candidate', candidate: candidate.toJSON() })
    }
    connection.ontrack = ({ streams: [stream] }) => {
      if (stream && this.#connection === connection) this.page.seen(stream)
    }
    connection.onconnectionstatechange = () => {
      const over = ['failed', 'closed'].includes(connection.connectionState)
      if (over && this.#connection === connection) this.#end('lost')
    }
    const { stream } = this.page
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream!)
    return connection
  }

  async #describe(
    connection: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ): Promise<void> {
    await connection.setRemoteDescription(description)
    for (const candidate of this.#early.splice(0)) await connection.addIceCandidate(candidate)
  }

  #end(why: Ended): void {
    if (this.#state.is === 'idle') return
    const { peer } = this.#state
    this.#close()
    this.#enter({ is: 'idle' })
    this.page.ended(peer, why)
  }

  #close(): void {
    const connection = this.#connection
    this.#connection = undefined
    this.#early = []
    connection?.close()
  }

  #enter(state: CallState): void {
    window.clearTimeout(this.#timer)
    this.#state = state
    this.page.changed(state)
  }
}
