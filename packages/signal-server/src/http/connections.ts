import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Rank, type Holding } from '../limits/holders.js'
import type { SocketLimits } from '../limits/socket-limits.js'
import type { Settings } from '../options.js'

// a browser asks for some dozens of files on one connection
const maxRequests = 1_000
// so long a client may read nothing of an answer; less if the reader of a pipe may do so for less
const maxUnread = 30_000
// connections for which there is no room are answered one request, so many at a time
const maxSurplus = 256

type Exchange = [request: IncomingMessage, response: ServerResponse]

/** A TCP connection that speaks plain HTTP. */
interface Connection {
  /** Its place among the sockets; undefined where there was no room for it. */
  readonly place: Holding | undefined
  inFlight: boolean
  /** A request that has come before the answer to the one before it was finished. */
  next: Exchange | undefined
}

// on the socket itself, which costs less than a WeakMap
const own = Symbol('connection')

const connectionOf = (socket: Socket) => socket as Socket & { [own]?: Connection | undefined }

/**
 * The connections of an HTTP server that is the server's own: each counts in `maxSockets` from the
 * moment when it is accepted, has one request in flight, and must read its answers.
 */
export class Connections {
  /** TLS connections whose handshake has not ended, by the client's address and port. */
  readonly #handshakes = new Map<string, Socket>()
  readonly #unreadTimeout: number
  #surplus = 0

  constructor(
    private readonly limits: SocketLimits,
    { stallTimeout }: Settings,
    private readonly handle: RequestListener,
  ) {
    this.#unreadTimeout = Math.min(maxUnread, stallTimeout)
  }

  /** Takes a request of the server's: carries it out, lets it wait, or ends the connection. */
  readonly request: RequestListener = (request, response) => {
    const connection = connectionOf(request.socket)[own]
    if (!connection?.inFlight) this.#start([request, response], connection)
    // Node parses all requests of a chunk: more than one that waits would be work without bound
    else if (connection.next) endAtOnce(request.socket)
    else connection.next = [request, response]
  }

  /** Watches the connections of a server. */
  watch(server: Server, tls: boolean): void {
    server.maxRequestsPerSocket = maxRequests
    server.timeout = this.#unreadTimeout
    // Node would answer each with 417 by itself; an expectation may be ignored (RFC 9110 §10.1.1)
    server.on('checkExpectation', this.request)
    server.on('timeout', (socket: Socket) => this.#timedOut(socket))
    // those behind the last request of a connection
    server.on('dropRequest', ({ socket }: IncomingMessage) => endAtOnce(socket))
    server.on('connection', (socket: Socket) => this.#accept(socket, tls))
    if (tls) server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket))
  }

  #accept(socket: Socket, tls: boolean): void {
    const place = this.limits.accept(socket, () => socket.destroy())
    if (!place) this.#countSurplus(socket)
    if (tls) this.#awaitHandshake(socket)
    connectionOf(socket)[own] = { place, inFlight: false, next: undefined }
  }

  // methods of their own: a closure in #accept would be kept by each connection, with what it sees
  #countSurplus(socket: Socket): void {
    socket.on('close', () => this.#surplus--)
    if (++this.#surplus > maxSurplus) socket.destroy()
  }

  #awaitHandshake(socket: Socket): void {
    const name = nameOf(socket)
    this.#handshakes.set(name, socket)
    socket.on('close', () => {
      if (this.#handshakes.get(name) === socket) this.#handshakes.delete(name)
    })
  }

  /** The same connection, as the socket that requests come on. */
  #secured(socket: TLSSocket): void {
    const name = nameOf(socket)
    const accepted = this.#handshakes.get(name)
    const connection = accepted && connectionOf(accepted)[own]
    if (!accepted || !connection) return
    this.#handshakes.delete(name)
    connectionOf(socket)[own] = connection
    this.limits.secured(accepted, socket)
    if (connection.place) connection.place.shed = () => socket.destroy()
  }

  #start(exchange: Exchange, connection: Connection | undefined): void {
    const [request, response] = exchange
    if (connection) {
      const { place } = connection
      connection.inFlight = true
      if (place) place.rank = Rank.waiting
      else response.shouldKeepAlive = false
      response.once('close', () => this.#finished(connection, request.socket))
    }
    this.handle(request, response)
  }

  #finished(connection: Connection, { destroyed }: Socket): void {
    const { place, next } = connection
    connection.inFlight = false
    connection.next = undefined
    if (destroyed) return
    if (next) this.#start(next, connection)
    else if (place) place.rank = Rank.answered
  }

  /** Nothing has moved on a connection for a while: no request came, or no answer was read. */
  #timedOut(socket: Socket): void {
    const connection = connectionOf(socket)[own]
    const working = connection?.inFlight && socket.writableLength === 0
    if (working) socket.setTimeout(this.#unreadTimeout)
    else socket.destroy()
  }
}

interface Parsed {
  parser?: { onIncoming?: unknown } | null
}

/**
 * Ends a connection, and all requests behind the one that has just come. Node parses the rest of the
 * chunk, and when the connection closes it makes an error with a stack for each request: 0.7 s for 40
 * connections with 1,700 requests each. There is no documented way to prevent that, so it still happens
 * in a runtime whose sockets have no such parser.
 */
function endAtOnce(socket: Socket): void {
  const { parser } = socket as Parsed
  // called with each request; 0 is for a request with a body
  if (parser?.onIncoming) parser.onIncoming = () => 0
  socket.destroy()
}

const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`
