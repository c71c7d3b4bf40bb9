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

/** Whether the platform has such a thing (Chromium does). */
export const canStream = () => 'WebSocketStream' in globalThis

/** A WebSocketStream with the face of a WebSocket, which can pause. */
export class StreamSocket implements RawSocket {
  declare binaryType: string
  declare onmessage: (event: { data: Message }) => void
  declare onclose: (event: { code: number; reason: string }) => void
  declare onerror: null
  readyState = 0
  bufferedAmount = 0
  readonly #stream: WebSocketStream
  #writer: WritableStreamDefaultWriter<Sendable> | undefined
  /** Set while it is paused. */
  #paused: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(url: string, protocols: string[]) {
    this.#stream = new WebSocketStream(url, { protocols })
    const ended = ({ closeCode: code = 1006, reason = '' }) => {
      this.readyState = 3
      this.onclose({ code, reason })
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
    this.#writer!.write(data.slice(0)).then(done, done)
  }

  close(closeCode?: number, reason?: string): void {
    if (this.readyState > 1) return
    this.readyState = 2
    this.#stream.close({ closeCode, reason })
  }

  pause(): void {
    this.#paused = new Promise((resolve) => (this.#wake = resolve))
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
