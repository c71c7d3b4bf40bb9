import { SUBPROTOCOL } from 'signal-server-protocol'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { EndpointContext, Upgrade } from '../endpoint.js'
import type { ReadingSlices } from '../limits/reading-slices.js'

/** How a {@link WebSocketAcceptor} takes sockets over. */
export interface WebSocketAcceptorOptions {
  /** A bigger message closes the socket with 1009. */
  maxMessageBytes: number
  /** Echoed to who offers one of them, beside `signal.v1`. @default none */
  subprotocols?: readonly string[]
  /** Whether pings are answered at once; else by whoever listens to them. @default true */
  autoPong?: boolean
}

// options of ws that its types do not know yet (@types/ws 8.18)
interface Bounds {
  closeTimeout: number
  maxBufferedChunks: number
  maxFragments: number
}

const mostPieces = 4_096

/** Answers upgrades for endpoints that speak in messages: the handshake and framing of `ws`. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer
  readonly #reading: ReadingSlices

  constructor(
    { settings, reading }: Pick<EndpointContext, 'settings' | 'reading'>,
    { maxMessageBytes, subprotocols = [], autoPong = true }: WebSocketAcceptorOptions,
  ) {
    this.#reading = reading
    const options: ServerOptions & Bounds = {
      noServer: true,
      clientTracking: false,
      // Compression, and `allowSynchronousEvents: false`, let chunks wait inside ws. A stream of Node
      // writes chunks that wait even after one that failed, and ws 8.23 then throws where nobody can
      // catch it: that ends the process.
      perMessageDeflate: false,
      autoPong,
      maxPayload: maxMessageBytes,
      // a message of many small pieces must not cost many times its size
      maxBufferedChunks: mostPieces,
      maxFragments: mostPieces,
      // milliseconds that a closed socket has to answer with its own close frame
      closeTimeout: settings.closeTimeout,
      handleProtocols: (offered) =>
        [SUBPROTOCOL, ...subprotocols].find((known) => offered.has(known)) ?? false,
    }
    this.#server = new WebSocketServer(options)
  }

  /** @returns undefined where the client went away meanwhile */
  accept({ request, socket, head }: Upgrade): WebSocket | undefined {
    let accepted: WebSocket | undefined
    this.#server.handleUpgrade(request, socket, head, (ws) => (accepted = ws))
    if (accepted) this.#reading.add(socket)
    return accepted
  }

  close(): void {
    this.#server.close()
  }
}
