import type { EventEmitter } from 'node:events'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { SUBPROTOCOL } from 'signal-protocol'
import type { Admission } from './admission.js'
import { HttpRefusal, refusalFrom } from './errors.js'
import type { SignalServerEvents } from './events.js'
import { checkHandshake, offeredProtocols } from './handshake.js'
import { log } from './log.js'
import { notFound, withoutSecrets } from './path.js'
import type { Outcomes } from './stats.js'

/** Brings an upgrade to its endpoint, or answers it with an HTTP status; never a 101 before that. */
export class Upgrades {
  constructor(
    private readonly admission: Admission,
    private readonly outcomes: Outcomes,
    private readonly events: EventEmitter<SignalServerEvents>,
  ) {}

  /** @param path - below the mount, with a token where there is one, without query */
  handle(request: IncomingMessage, socket: Socket, head: Buffer, path: string): void {
    // a reset at any time from now on must not end the process
    socket.on('error', (error) => log.upgrade('%s: %s', withoutSecrets(path), error.message))
    this.#accept(request, socket, head, path).catch((error: unknown) => {
      this.refuse(request, socket, this.#refusalFrom(error))
    })
  }

  /** Answers an upgrade with an HTTP status, and ends the connection. */
  refuse(request: IncomingMessage, socket: Socket, refusal: HttpRefusal): void {
    const { status, code, body, headers } = refusal
    const url = withoutSecrets(request.url ?? '')
    const address = this.admission.addressOf(request)
    this.outcomes.count(this.outcomes.named(`refused_${code}`))
    this.events.emit('refused', { url, status, code, address })
    log.upgrade('refused (%d %s)', status, code)
    if (!socket.writable) return
    const lines = {
      Connection: 'close',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Access-Control-Allow-Origin': '*',
      ...headers,
    }
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.once('finish', () => socket.destroy())
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${body}`)
  }

  async #accept(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    path: string,
  ): Promise<void> {
    if (!this.admission.find(path)) throw notFound(path)
    checkHandshake(request)
    this.admission.checkRoom(request)
    await this.admission.checkRate(request)
    const { endpoint, claim, grant } = await this.admission.authorize(request, path)
    if (socket.destroyed || !socket.writable) return log.upgrade('gone before it was authorised')
    // others may have come in meanwhile
    this.admission.checkRoom(request)
    const leave = this.admission.enter(request)
    socket.once('close', leave)
    const v1 = offeredProtocols(request).includes(SUBPROTOCOL)
    const app = grant.app ?? ''
    endpoint.accept({ request, socket, head, claim, grant, app, v1 })
  }

  #refusalFrom(error: unknown): HttpRefusal {
    if (!(error instanceof HttpRefusal)) {
      const fault = error instanceof Error ? error : new Error(String(error))
      log.upgrade('fault: %s', fault.stack)
      this.events.emit('fault', fault)
    }
    return refusalFrom(error)
  }
}
