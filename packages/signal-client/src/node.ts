import { WebSocket, type ClientOptions } from 'ws'
import { Client as BrowserClient, type ClientOptions as Options } from './client.js'

const pongInterval = 15_000
const handshakeTimeout = 15_000
const closeTimeout = 2_000

/**
 * The WebSocket of `ws`. One that is paused reads no pings, and so could not show that it lives:
 * it sends pongs that nobody has asked for (RFC 6455 §5.5.3).
 */
class NodeSocket extends WebSocket {
  #pongs: NodeJS.Timeout | undefined

  constructor(url: string, protocols?: string[]) {
    // the types of ws do not know closeTimeout yet (ws 8.20)
    const options: ClientOptions & { closeTimeout: number } = {
      perMessageDeflate: false,
      handshakeTimeout,
      closeTimeout,
    }
    super(url, protocols, options)
    this.on('close', () => clearInterval(this.#pongs))
  }

  override pause(): void {
    super.pause()
    this.#pongs ??= setInterval(() => this.pong(), pongInterval)
  }

  override resume(): void {
    // ws has nothing to resume before it is open
    if (!this.#pongs) return
    super.resume()
    clearInterval(this.#pongs)
    this.#pongs = undefined
  }
}

/** The {@link BrowserClient Client} for Node, where nothing else is needed. */
export class Client extends BrowserClient {
  constructor(options: Options) {
    super({ ...options, WebSocket: options.WebSocket ?? NodeSocket })
  }
}

export * from './index.js'
