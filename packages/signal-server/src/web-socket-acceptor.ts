import { SUBPROTOCOL } from 'signal-protocol'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { Upgrade } from './endpoint.js'

/** Answers upgrades for endpoints that speak in messages: the handshake and framing of `ws`. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer

  /**
   * @param maxMessageBytes - a bigger message closes the socket with 1009
   * @param closeTime - milliseconds that a closed socket has to answer with its own close frame
   */
  constructor({ maxMessageBytes, closeTime }: { maxMessageBytes: number; closeTime: number }) {
    // the types of ws do not know closeTimeout yet (ws 8.20)
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      closeTimeout: closeTime,
      handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    }
    this.#server = new WebSocketServer(options)
  }

  /** @returns undefined where the client went away meanwhile */
  accept({ request, socket, head }: Upgrade): WebSocket | undefined {
    let accepted: WebSocket | undefined
    this.#server.handleUpgrade(request, socket, head, (ws) => (accepted = ws))
    return accepted
  }

  close(): void {
    this.#server.close()
  }
}
