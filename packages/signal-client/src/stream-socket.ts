import type { Message, RawSocket, Sendable } from './raw-socket.js'

/** https://websockets.spec.whatwg.org/#the-websocketstream-interface */
interface WebSocketStream {
  readonly opened: Promise<{
    readable: ReadableStream<Message>
    writable: WritableStream<Sendable>
  }>
  readonly closed: Promise<{ closeCode: number; reason: string }>
  close(info: { closeCode?: number | undefined; reason?: string | undefined }): void
}

declare const WebSocketStream: new (
  url: string,
  options: { protocols: string[] },
) => WebSocketStream

declare const WebSocketError: new (message: string, info: object) => Error

/** Whether the platform has such a thing (Chromium does). */
export const canStream = () => 'WebSocketStream' in globalThis

/** A WebSocketStream with the face of a WebSocket, which can pause. */
export class StreamSocket implements RawSocket {
  declare binaryType: string
  declare onmessage: (event: { data: Message }) => void
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  declare onerror: null
  readyState = 0
  bufferedAmount = 0
  readonly #stream: WebSocketStream
  #writer: WritableStreamDefaultWriter<Sendable> | undefined
  /** Resolves when all that was sent has gone out. */
  #sent = Promise.resolve()
  /** Set while it is paused. */
  #paused: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(url: string, protocols: string[]) {
    this.#stream = new WebSocketStream(url, { protocols })
    const ended = ({ closeCode: code = 1006, reason = '' }) => {
      this.readyState = 3
      this.onclose?.({ code, reason })
    }
    this.#run().then(ended, () => ended({}))
    // an abnormal end is to be noticed while nothing is read, too
    this.#stream.closed.catch(() => this.resume())
  }

  send(data: Sendable, sent?: () => void): void {
    if (this.readyState !== 1) return
    const size = typeof data === 'string' ? data.length : data.byteLength
    this.bufferedAmount += size
    const done = () => {
      this.bufferedAmount -= size
      sent?.()
    }
    // a copy: WebSockets send what a buffer holds now, and this would look at it later
    this.#sent = this.#writer!.write(data.slice(0)).then(done, done)
  }

  close(closeCode?: number, reason?: string): void {
    if (this.readyState > 1) return
    const info = { closeCode, reason }
    // refuses what cannot be sent, now
    void new WebSocketError('', info)
    this.readyState = 2
    // it would drop what has not gone out yet, which a WebSocket sends first
    void this.#sent.then(() => this.#stream.close(info))
  }

  pause(): void {
    // the peer's answer to a close stands behind what was not read
    if (this.readyState === 1) this.#paused = new Promise((resolve) => (this.#wake = resolve))
  }

  resume(): void {
    this.#paused = undefined
    this.#wake?.()
  }

  async #run() {
    const { readable, writable } = await this.#stream.opened
    this.#writer = writable.getWriter()
    this.#writer.closed.catch(() => {})
    this.readyState ||= 1
    const reader = readable.getReader()
    for (;;) {
      while (this.#paused) await this.#paused
      const { value, done } = await reader.read()
      if (done) return this.#stream.closed
      this.onmessage({ data: value })
    }
  }
}
