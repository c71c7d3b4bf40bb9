import type { IceServer, Json, ServerMessage } from 'signal-server-protocol'
import type { ClientEvents } from './client-events.js'
import type { Ending } from './ending.js'
import { createDialler, type Token } from './dialler.js'
import { Emitter } from './emitter.js'
import { SignalError } from './errors.js'
import { createIntroduction, type Introduction } from './introduction.js'
import { newId } from './new-id.js'
import type { Peer } from './peer.js'
import { createPeers, type Peers } from './peers.js'
import type { WebSocketClass } from './raw-socket.js'
import { whenBack } from './when-back.js'

declare global {
  // in lib esnext.disposable only; where it exists, this adds nothing
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/** What a {@link Client} is given. */
export interface ClientOptions {
  /** Of the signal server: `http(s)` or `ws(s)`, with its mount path; text or a URL. */
  url: string | { readonly href: string }
  /** Who this client is; while no token is asked for, a secret. @default a new UUID */
  id?: string
  /** Keys to join at once. @default none */
  keys?: Iterable<string>
  /** What the peers are shown of this client: any JSON, at most 1 KiB. @default nothing */
  info?: Json
  /** Where the server asks for one: a token, or what gives a fresh one for each attempt. */
  token?: Token
  /** A WebSocket class to use. @default the platform's; in Node, that of `ws` */
  WebSocket?: WebSocketClass
  /**
   * Whether to connect at once; otherwise {@link Client.connect} does. A server that renders a page
   * wants `false`. @default true
   */
  connect?: boolean
}

// an app that was started a moment ago may listen soon
const unheardAfter = 1_000

/** See {@link Client.state}. */
export type ClientState = 'connecting' | 'connected' | 'disconnected' | 'closed'

/**
 * Finds the clients that want the same keys, and keeps a pipe to each of them on each key, through
 * a signal server.
 */
export class Client extends Emitter<ClientEvents> {
  readonly id: string
  /** The keys that were joined. */
  readonly keys: ReadonlySet<string> = new Set()
  /** STUN and TURN servers of which the server has told, for `RTCPeerConnection`. */
  iceServers: readonly IceServer[] = []

  readonly #peers: Peers
  readonly #introduction: Introduction
  #forgetBack: (() => void) | undefined
  /** Whether the app knows that the server is out of reach. */
  #down = false
  #closed: Promise<unknown> | undefined

  /**
   * @throws TypeError where an option cannot be used
   * @throws ReferenceError that names what the platform lacks: `WebSocket`, or `crypto` for an id
   */
  constructor(options: ClientOptions) {
    super()
    // before anything is there that would stay behind
    const { url, token } = options ?? {}
    const dialler = createDialler(url, token)
    const { id = newId(), keys = [], info, WebSocket: Socket = WebSocket, connect = true } = options
    this.id = checked(id)
    // text would be taken for a list of its letters
    if (typeof keys !== 'object') throw new TypeError('Not a list of keys')
    for (const key of keys) (this.keys as Set<string>).add(checked(key))
    const context = { dialler, Socket, ownId: id, emit: this.emit.bind(this) }
    this.#peers = createPeers(context, this.keys)
    this.#introduction = createIntroduction(dialler, Socket, id, this.keys, info, {
      message: (message) => this.#receive(message),
      down: (ending, wasUp) => this.#isDown(ending, wasUp),
      failed: (error, final) => {
        if (final) void this.close()
        this.emit('error', error)
      },
    })
    if (connect) this.connect()
  }

  /** Connects to the server, and tries at once where a next attempt is waited for. */
  connect(): void {
    if (this.#closed) return
    this.#forgetBack?.()
    this.#forgetBack = whenBack(() => this.#introduction.nudge())
    this.#introduction.connection.dial(true)
  }

  /**
   * - `connecting`: a socket to the server is being opened
   * - `connected`: the server is in reach
   * - `disconnected`: it is not; the next attempt will come by itself, or with {@link connect} where
   *   there was none yet
   * - `closed`: for good, by {@link close} or because the server has refused this client
   */
  get state(): ClientState {
    if (this.#closed) return 'closed'
    const { state } = this.#introduction.connection
    return /^connect/.test(state) ? (state as ClientState) : 'disconnected'
  }

  /** The peers to which there is a pipe, by id. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers.connected()
  }

  /**
   * Asks for the peers that want a key, and to be connected with each of them; also asks again.
   * @throws TypeError where the key cannot be used
   */
  join(key: string): void {
    ;(this.keys as Set<string>).add(checked(key))
    this.#introduction.wish(key, true)
  }

  /** Wants a key no more, and closes its pipes. */
  leave(key: string): void {
    if (!(this.keys as Set<string>).delete(key)) return
    this.#introduction.wish(key, false)
    this.#peers.each((link, each) => {
      if (each === key) void link.close(true)
    })
  }

  /** Shows the peers something else about this client: any JSON, at most 1 KiB. */
  announce(info: Json): void {
    this.#introduction.announce(info)
  }

  /**
   * Sends any JSON to a client that shares a key, through the server; a WebRTC offer, say. One that
   * cannot be delivered comes back as an `error`.
   *
   * @returns whether it was sent: not while the server is out of reach
   */
  signal(id: string, signal: Json): boolean {
    return this.#introduction.send({ type: 'Signal', to: id, signal })
  }

  /** Closes everything, for good. Resolves when the sockets are gone. */
  close(): Promise<void> {
    this.#closed ??= Promise.resolve().then(() => {
      this.#forgetBack?.()
      const gone = [this.#introduction.end()]
      this.#peers.each((link) => gone.push(link.close(true)))
      return Promise.all(gone)
    })
    return this.#closed as Promise<never>
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  protected override emit<Event extends keyof ClientEvents>(
    event: Event,
    ...args: ClientEvents[Event]
  ): void {
    super.emit(event, ...args)
    if (event === 'error') this.#unlessHeard(event, args[0])
  }

  /** Says on the console what an app would otherwise never know. */
  #unlessHeard(event: keyof ClientEvents, what: unknown): void {
    setTimeout(() => {
      // eslint-disable-next-line no-console
      if (!this.hears(event)) console.error(what)
    }, unheardAfter)
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'Welcome':
        this.iceServers = message.iceServers ?? []
        this.#down = false
        return this.emit('connected', message)
      case 'Introduction':
        return this.#peers.introduce(message)
      case 'Departure':
        return this.#peers.depart(message)
      case 'Update':
        return this.#peers.update(message.id, message.info)
      case 'Signal':
        return this.emit('signal', message.from, message.signal)
      case 'Error':
        return this.emit('error', new SignalError(message.code, message.message, message))
      case 'Replaced':
        // a newer session of this id has them; this one is introduced again when that is gone
        return this.#peers.each((link, key) => {
          if (message.keys.includes(key)) link.depart()
        })
      case 'Pong':
      // and whatever a newer server says
    }
  }

  #isDown(ending: Ending, wasUp: boolean): void {
    // who is still there will be told anew
    if (wasUp) this.#peers.each((link) => link.depart(ending.code === 1006))
    if (this.#down || this.#closed) return
    this.#down = true
    this.emit('disconnected', ending)
    if (!this.hears('error')) this.#unlessHeard('disconnected', 'The server is out of reach')
  }
}

/** @throws TypeError where it cannot be a segment of a URL */
function checked(segment: string): string {
  // browsers resolve dots, even encoded ones; half a surrogate pair cannot be encoded; and not every
  // platform has \p{Cc} and \p{Cs}
  // eslint-disable-next-line no-control-regex
  if (typeof segment !== 'string' || /^\.{0,2}$|[\0-\x1f\x7f-\x9f\ud800-\udfff]/u.test(segment)) {
    throw new TypeError(`Not an id or a key: ${JSON.stringify(segment)}`)
  }
  return segment
}
