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
  readonly send: (data: Sendable, sent?: () => void) => void
  readonly close: (code?: number, reason?: string) => void
  readonly pause: () => void
  readonly resume: () => void

  constructor(url: string, protocols: string[]) {
    const stream = new WebSocketStream(url, { protocols })
    let writer: WritableStreamDefaultWriter<Sendable>
    /** Set while it is paused. */
    let paused: Promise<void> | undefined
    let wake = () => {}

    this.send = (data, sent) => {
      if (this.readyState !== 1) return
      const size = typeof data === 'string' ? data.length : data.byteLength
      this.bufferedAmount += size
      const done = () => {
        this.bufferedAmount -= size
        sent?.()
      }
      // a copy: WebSockets send what a buffer holds now, and this would look at it later
      writer.write(data.slice(0)).then(done, done)
    }
    this.close = (closeCode, reason) => {
      if (this.readyState > 1) return
      this.readyState = 2
      stream.close({ closeCode, reason })
    }
    this.pause = () => {
      paused = new Promise((resolve) => (wake = resolve))
    }
    this.resume = () => {
      paused = undefined
      wake()
    }

    const run = async () => {
      const { readable, writable } = await stream.opened
      writer = writable.getWriter()
      writer.closed.catch(() => {})
      this.readyState ||= 1
      const reader = readable.getReader()
      for (;;) {
        while (paused) await paused
        const { value, done } = await reader.read()
        if (done) return stream.closed
        this.onmessage({ data: value })
      }
    }
    const ended = ({ closeCode: code = 1006, reason = '' }) => {
      this.readyState = 3
      this.onclose({ code, reason })
    }
    // an abnormal end is to be noticed while nothing is read, too
    stream.closed.catch(() => this.resume())
    run().then(ended, () => ended({}))
  }
}
