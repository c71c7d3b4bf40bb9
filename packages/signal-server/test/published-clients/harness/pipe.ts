import { WebSocket } from 'ws'
import { Log } from './log.js'

export type Message = string | Buffer

/** A socket that a client was given for one peer on one key. */
export class Pipe {
  readonly received = new Log<Message>()
  readonly closed: Promise<{ code: number; reason: string }>
  #read = 0

  constructor(
    readonly remoteId: string,
    readonly key: string,
    readonly socket: WebSocket,
  ) {
    socket.addEventListener('message', ({ data }) => this.received.push(toMessage(data)))
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }))
    })
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  send(message: Message): void {
    this.socket.send(message)
  }

  /** The next `count` messages, in order. */
  async next(count = 1): Promise<Message[]> {
    const end = this.#read + count
    await this.received.until(
      (items) => items.length >= end,
      `${end} messages from ${this.remoteId} on ${this.key}`,
    )
    const messages = this.received.items.slice(this.#read, end)
    this.#read = end
    return messages
  }

  close(code?: number, reason?: string): void {
    this.socket.close(code, reason)
  }

  /** Cuts the TCP connection without a close frame. */
  cut(): void {
    this.socket.terminate()
  }
}

/** The data of a message event, whatever binaryType the client has chosen. */
export function toMessage(data: unknown): Message {
  if (typeof data === 'string' || Buffer.isBuffer(data)) return data
  if (data instanceof ArrayBuffer) return Buffer.from(data)
  throw new TypeError('a message that is neither text nor bytes')
}
