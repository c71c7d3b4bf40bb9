import type { EventEmitter } from 'node:events'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { SUBPROTOCOL } from 'signal-protocol'
import { restarting, type Admission, type Admitted } from './admission.js'
import { refusalFrom, type HttpRefusal } from './errors.js'
import { reportFault, type SignalServerEvents } from './events.js'
import { checkHandshake, offeredProtocols } from './handshake.js'
import { log } from './log.js'
import { notFound, withoutSecrets } from './path.js'
import type { Outcomes } from './stats.js'

/** Brings an upgrade to its endpoint, or answers it with an HTTP status; never a 101 before that. */
export class Upgrades {
  /** Sockets whose requests are not decided yet. */
  readonly #undecided = new Map<Socket, IncomingMessage>()

  constructor(
    private readonly admission: Admission,
    private readonly outcomes: Outcomes,
    private readonly events: EventEmitter<SignalServerEvents>,
  ) {}

  /** @param path - below the mount, with a token where there is one, without query */
  handle(request: IncomingMessage, socket: Socket, head: Buffer, path: string): void {
    surviveErrors(socket, path)
    void this.#decide(request, socket, head, path)
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

  async #decide(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    path: string,
  ): Promise<void> {
    this.#undecided.set(socket, request)
    let admitted: Admitted
    try {
      admitted = await this.#admit(request, socket, path)
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
    const { endpoint, claim, grant } = admitted
    const v1 = offeredProtocols(request).includes(SUBPROTOCOL)
    const app = grant.app ?? ''
    try {
      endpoint.accept({ request, socket, head, claim, grant, app, v1 })
    } catch (error) {
      // it may have been answered with 101 already
      reportFault(this.events, error)
      socket.destroy()
    }
  }

  async #admit(request: IncomingMessage, socket: Socket, path: string): Promise<Admitted> {
    if (!this.admission.find(path)) throw notFound(path)
    checkHandshake(request)
    socket.once('close', this.admission.enter(request))
    await this.admission.checkRate(request)
    const admitted = await this.admission.authorize(request, path)
    // it may have been closed meanwhile
    this.admission.checkOpen()
    return admitted
  }
}

/** A reset at any time must not end the process. */
function surviveErrors(socket: Socket, path: string): void {
  // a function of its own, for a closure in the caller would keep the request as long as the socket
  socket.on('error', (error) => log.upgrade('%s: %s', withoutSecrets(path), error.message))
}
