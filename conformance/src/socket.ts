import { WebSocket, type ClientOptions } from 'ws'
import { Arrivals, within } from './arrivals.js'
import { Failure, same } from './failure.js'

/** A message as it was sent or has come. */
export interface Message {
  data: Buffer
  binary: boolean
}

/** A text message. */
export const text = (content: string): Message => ({ data: Buffer.from(content), binary: false })

/** A binary message. */
export const binary = (content: Uint8Array | number[]): Message => ({
  data: Buffer.from(content),
  binary: true,
})

/** How a socket ended: 1005 for a close without a code, 1006 for none at all. */
export interface Closing {
  code: number
  reason: string
}

/** A WebSocket that keeps what it is sent until the check asks for it. */
export class Socket {
  readonly #messages = new Arrivals<Message>()
  #closing: Closing | undefined
  readonly #closed: Promise<Closing>

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, isBinary) => this.#messages.push({ data, binary: isBinary }))
    this.#closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        this.#closing = { code, reason: reason.toString() }
        resolve(this.#closing)
      })
    })
  }

  /** Connects. @throws Failure where the server does not answer 101 as it has to */
  static async open(
    url: URL,
    protocols: readonly string[] = [],
    options: ClientOptions = {},
  ): Promise<Socket> {
    const ws = new WebSocket(url, [...protocols], { perMessageDeflate: false, ...options })
    const socket = new Socket(ws)
    const opened = new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('error', (error: NodeJS.ErrnoException) => {
        reject(new Failure(`${url.pathname}: ${error.message || error.code}`))
      })
    })
    ws.on('error', () => {})
    await within(opened, `an open socket at ${url.pathname}`)
    return socket
  }

  /** Sends a message as it is, or a value as JSON text. */
  send(message: Message | string | object): void {
    if (isMessage(message)) this.ws.send(message.data, { binary: message.binary })
    else this.ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The next message. */
  async message(what = 'a message', milliseconds?: number): Promise<Message> {
    const over = this.#closed.then(({ code }): never => {
      throw new Failure(`the socket was closed (${code}) before ${what} came`)
    })
    over.catch(() => {})
    // messages that came before the close go first
    if (this.#closing) {
      const [first, ...rest] = this.#messages.take()
      for (const each of rest) this.#messages.push(each)
      return first ?? over
    }
    return Promise.race([this.#messages.next(what, milliseconds), over])
  }

  /** The next text message, as JSON. */
  async json(what = 'a message', milliseconds?: number): Promise<Record<string, unknown>> {
    const { data, binary: isBinary } = await this.message(what, milliseconds)
    if (isBinary) throw new Failure(`${what} is binary`)
    try {
      return JSON.parse(data.toString()) as Record<string, unknown>
    } catch {
      throw new Failure(`${what} is not JSON`)
    }
  }

  /** Sees that exactly these messages come next. */
  async expect(...messages: Message[]): Promise<void> {
    for (const [n, expected] of messages.entries()) {
      const what = messages.length > 1 ? `message ${n + 1} of ${messages.length}` : 'the message'
      const got = await this.message(what)
      same(got.binary ? 'binary' : 'text', expected.binary ? 'binary' : 'text', what)
      if (!got.data.equals(expected.data)) same(got.data, expected.data, what)
    }
  }

  /** The messages that have come and were not taken yet. */
  take(): Message[] {
    return this.#messages.take()
  }

  /** How it was closed, once it is. */
  closed(what = 'the close', milliseconds?: number): Promise<Closing> {
    return within(this.#closed, what, milliseconds)
  }

  /** Closes it, and resolves when both sides have. */
  async close(code?: number, reason?: string | Buffer): Promise<Closing> {
    this.ws.close(code, reason)
    return this.closed()
  }

  /** Resolves when the server has looked at all that was sent before: pongs come in order. */
  async settled(): Promise<void> {
    const pong = new Promise<void>((resolve) => this.ws.once('pong', () => resolve()))
    this.ws.ping()
    await within(pong, 'a pong')
  }

  get open(): boolean {
    return this.ws.readyState === WebSocket.OPEN
  }
}

const isMessage = (value: Message | string | object): value is Message =>
  typeof value === 'object' && 'data' in value && Buffer.isBuffer(value.data)
