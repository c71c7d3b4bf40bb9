import { WebSocket, type ClientOptions } from 'ws'
import { Arrivals, within } from './arrivals.js'

/** A message of the server's; JSON where it is text and JSON. */
export interface Message {
  text: string
  bytes: Buffer
  binary: boolean
}

export type Fields = Record<string, unknown>

/** How a socket ended. */
export interface Closing {
  code: number
  reason: string
}

/** A WebSocket that keeps what it is sent until the test asks for it. */
export class Client {
  readonly messages = new Arrivals<Message>()
  readonly closed: Promise<Closing>
  /** Every text message so far, in order, taken or not. */
  readonly seen: Message[] = []

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, binary) => {
      const message = { text: data.toString(), bytes: data, binary }
      this.seen.push(message)
      this.messages.push(message)
    })
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  /** Connects; rejects where the upgrade is refused. */
  static async open(
    url: string,
    protocols: string[] = [],
    options: ClientOptions = {},
  ): Promise<Client> {
    const ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options })
    const client = new Client(ws)
    await within(
      new Promise<void>((resolve, reject) => {
        ws.once('open', resolve)
        ws.once('error', reject)
      }),
      `an open socket at ${url}`,
    )
    ws.on('error', () => {})
    return client
  }

  send(message: string | Uint8Array | object): void {
    const raw = typeof message === 'string' || message instanceof Uint8Array
    this.ws.send(raw ? message : JSON.stringify(message))
  }

  /** The next message, as JSON. */
  async json(what = 'a message'): Promise<Fields> {
    return JSON.parse((await this.messages.next(what)).text) as Fields
  }

  /** The next message of a type, those of other types aside. */
  async next(type: string, milliseconds?: number): Promise<Fields> {
    for (;;) {
      const { text } = await this.messages.next(`a message of type ${type}`, milliseconds)
      const message = JSON.parse(text) as Fields
      if (message.type === type) return message
    }
  }

  /** Resolves when the server has looked at everything that was sent before: pongs come in order. */
  async settled(): Promise<void> {
    const pong = new Promise<void>((resolve) => this.ws.once('pong', () => resolve()))
    this.ws.ping()
    await within(pong, 'a pong')
  }

  /** Closes it, and resolves when both sides have. */
  async close(code?: number, reason?: string): Promise<Closing> {
    this.ws.close(code, reason)
    return within(this.closed, 'the close')
  }

  /** Ends its TCP connection without a close frame. */
  async kill(): Promise<void> {
    this.ws.terminate()
    await this.closed
  }
}
