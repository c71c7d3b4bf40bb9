import type { WebSocket } from 'ws'

/**
 * Answers the pings of a WebSocket, of several only the last (RFC 6455 §5.5.3): the next pong goes
 * out when the one before is written, so a client that does not read lets one pong wait.
 */
export class LastPong {
  #unanswered: Buffer | undefined
  #waits = false

  constructor(private readonly ws: WebSocket) {}

  answer(ping: Buffer): void {
    this.#unanswered = ping
    if (!this.#waits) this.#next()
  }

  #next(): void {
    const ping = this.#unanswered
    this.#unanswered = undefined
    this.#waits = ping !== undefined && this.ws.readyState === this.ws.OPEN
    if (this.#waits) this.ws.pong(ping, false, () => this.#next())
  }
}
