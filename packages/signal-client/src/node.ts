import type { Socket } from 'node:net'
import { WebSocket, type ClientOptions } from 'ws'
import { Client as BrowserClient, type ClientOptions as Options } from './client.js'
import { tooBig, type Ending } from './ending.js'
import { sizeOf, type Sendable } from './raw-socket.js'

const pongInterval = 15_000
const handshakeTimeout = 15_000
// a little more than the server gives a peer to answer a close that it has read
const closeTime = 6_000
// as long as the server bears with a peer that reads nothing
const mostPatience = 120_000
// the slowest reader that the server serves well: 20 KB/s, in bytes a millisecond
const slowestReader = 20
// that of ws counts from the close on, however much is still moving
const closeTimeout = 2 ** 31 - 1
/** The code of an error of ws. */
const tooLarge = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'

/**
 * The WebSocket of `ws`. One that is paused reads no pings, and so could not show that it lives:
 * it sends pongs that nobody has asked for (RFC 6455 §5.5.3). One that closes ends when the peer
 * has answered, or when nothing has moved for so long that even a slow peer would have read it all. A message of more than 100 MiB is not taken (`maxPayload` of ws).
 */
class NodeSocket extends WebSocket {
  ending: Ending | undefined
  #pongs: NodeJS.Timeout | undefined
  #network: Socket | undefined
  /** When even a slow peer will have read what was sent, as `performance.now()` has it. */
  #readBy = 0

  constructor(url: string, protocols?: string[]) {
    // the types of ws do not know closeTimeout yet (ws 8.20)
    const options: ClientOptions & { closeTimeout: number } = {
      perMessageDeflate: false,
      handshakeTimeout,
      closeTimeout,
    }
    super(url, protocols, options)
    this.on('upgrade', ({ socket }) => (this.#network = socket))
    // the `close` event of ws says 1006 then
    this.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === tooLarge) this.ending = { code: tooBig, reason: message }
    })
    this.on('close', () => clearInterval(this.#pongs))
  }

  // `never` fits each of the two faces that ws gives its second parameter
  override send(data: Sendable, sent: never): void {
    super.send(data, sent)
    this.#readBy = Math.max(this.#readBy, performance.now()) + sizeOf(data) / slowestReader
  }

  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason)
    const unread = Math.max(0, this.#readBy - performance.now())
    // it starts again whenever the kernel takes or gives something
    this.#network?.setTimeout(closeTime + Math.min(unread, mostPatience), () => this.terminate())
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
    super({ ...options, WebSocket: options?.WebSocket ?? NodeSocket })
  }
}

export * from './index.js'
