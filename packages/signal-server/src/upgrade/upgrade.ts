import type { EventEmitter } from 'node:events'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { SUBPROTOCOL } from 'signal-server-protocol'
import { restarting, type Admission, type Found } from './admission.js'
import type { Grant } from '../authorize.js'
import { HttpRefusal, refusalFrom } from '../errors.js'
import { reportFault, type SignalServerEvents } from '../events.js'
import { checkHandshake, offeredProtocols } from './handshake.js'
import { log } from '../log.js'
import { notFound, withoutSecrets } from './path.js'
import type { Holding } from '../limits/holders.js'
import { serverFull } from '../limits/socket-limits.js'
import type { Outcomes } from '../stats.js'

/** What an upgrade got. */
interface Admitted {
  grant: Grant
  place: Holding
}

// a client that reads answers a close frame within a round trip
const closeTimeoutOfShed = 1_000

/** Brings an upgrade to its endpoint, or answers it with an HTTP status; never a 101 before that. */
export class Upgrades {
  /** Sockets whose requests are not decided yet. */
  readonly #undecided = new Map<Socket, IncomingMessage>()

  constructor(
    private readonly admission: Admission,
    private readonly outcomes: Outcomes,
    private readonly events: EventEmitter<SignalServerEvents>,
  ) {}

  /**
   * @param path - below the mount, with a token where there is one, without query
   * @param onlyKnown - leaves paths that no endpoint has to others
   * @returns whether it took the upgrade
   */
  take(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    path: string,
    onlyKnown: boolean,
  ): boolean {
    const found = this.#find(path) ?? (onlyKnown ? undefined : notFound(path))
    if (!found) return false
    socket.on('error', survive)
    if (found instanceof HttpRefusal) this.refuse(request, socket, found)
    else void this.#decide(request, socket, head, path, found)
    return true
  }

  /** Answers an upgrade with an HTTP status, and ends the connection. */
  refuse(request: IncomingMessage, socket: Socket, refusal: HttpRefusal): void {
    const { status, code, headers } = refusal
    const url = withoutSecrets(request.url ?? '')
    const address = this.admission.addressOf(request)
    this.outcomes.count(this.outcomes.named(`refused_${code}`))
    this.events.emit('refused', { url, status, code, address })
    log.upgrade('refused (%d %s)', status, code)
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const body = request.method === 'HEAD' ? '' : refusal.body
    const lines = {
      Connection: 'close',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(refusal.body)),
      'Access-Control-Allow-Origin': '*',
      ...headers,
    }
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.once('finish', () => socket.destroy())
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${body}`)
  }

  /** Refuses those that are not decided yet. */
  close(): void {
    for (const [socket, request] of this.#undecided) this.refuse(request, socket, restarting())
    this.#undecided.clear()
  }

  /** A path that is an endpoint's and malformed is refused. */
  #find(path: string): Found | HttpRefusal | undefined {
    try {
      return this.admission.find(path)
    } catch (error) {
      return refusalFrom(error)
    }
  }

  async #decide(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    path: string,
    found: Found,
  ): Promise<void> {
    this.#undecided.set(socket, request)
    let admitted: Admitted
    try {
      admitted = await this.#admit(request, socket, path, found)
    } catch (error) {
      if (this.#undecided.delete(socket)) this.refuse(request, socket, refusalFrom(error))
      return
    }
    if (!this.#undecided.delete(socket)) return
    if (!socket.writable) {
      log.upgrade('gone before it was authorised')
      socket.destroy()
      return
    }
    const { endpoint, claim } = found
    const { grant, place } = admitted
    const v1 = offeredProtocols(request).includes(SUBPROTOCOL)
    const app = grant.app ?? ''
    const { address } = place
    place.shed = () => this.#shed(socket)
    try {
      endpoint.accept({ request, socket, head, claim, grant, app, v1, address, place })
      const { shed } = place
      place.shed = () => {
        shed()
        closeSoon(socket)
      }
    } catch (error) {
      // it may have been answered with 101 already
      reportFault(this.events, error)
      socket.destroy()
    }
  }

  async #admit(
    request: IncomingMessage,
    socket: Socket,
    path: string,
    found: Found,
  ): Promise<Admitted> {
    checkHandshake(request)
    const place = this.admission.enter(request, () => {
      if (this.#undecided.delete(socket)) this.refuse(request, socket, serverFull())
    })
    const grant = await this.admission.admit(request, path, found)
    // it may have been closed meanwhile
    this.admission.checkOpen()
    return { grant, place }
  }

  /** Ends a socket whose endpoint knows no other way. */
  #shed(socket: Socket): void {
    this.outcomes.count('socket_shed')
    socket.destroy()
  }
}

/**
 * A reset at any time must not end the process. One listener for all: a closure in each would be
 * kept, with what it sees, as long as the socket.
 */
function survive(error: Error): void {
  log.upgrade('a connection broke: %s', error.message)
}

/** A socket that was shed does not count any more, so it must not stay for the whole close timeout. */
function closeSoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), closeTimeoutOfShed)
  socket.once('close', () => clearTimeout(timer))
}
