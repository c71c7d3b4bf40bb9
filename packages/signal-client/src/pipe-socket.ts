import { createInbox, type Inbox } from './inbox.js'
import { Listeners } from './listeners.js'
import type {
  PipeCloseEvent,
  PipeEventMap,
  PipeHandler,
  PipeListener,
  PipeListenerOptions,
  PipeMessageEvent,
} from './pipe-events.js'
import { createStream, type PipeStream } from './pipe-stream.js'
import { sizeOf, type Message, type RawSocket, type Sendable } from './raw-socket.js'

/**
 * The pipe to a peer on a key, with the face of a WebSocket that is open. What comes while nobody
 * listens waits for the next listener; the `close` event comes after the last message.
 */
export class PipeSocket {
  /** What bytes are handed over as. */
  binaryType: 'arraybuffer' | 'blob' = 'arraybuffer'
  /** @internal What has come. */
  readonly inbox: Inbox
  /** @internal Whether this side has closed it. */
  isClosing = false

  readonly #raw: RawSocket
  readonly #listeners = new Listeners<string, PipeListener>()
  readonly #handlers: Partial<Record<string, PipeHandler<never> | null>> = {}
  /** Whether the `close` event was dispatched. */
  #ended = false
  #streaming: ReturnType<typeof createStream> | undefined

  /** @internal @param raw - open and paired */
  constructor(raw: RawSocket) {
    this.#raw = raw
    this.inbox = createInbox(raw, () => this.#deliver())
  }

  /** 1 open, 2 closing, 3 closed: as for WebSocket. */
  get readyState(): number {
    return this.inbox.ending ? 3 : this.#raw.readyState
  }

  /** Bytes that were sent and that the network has not taken yet. */
  get bufferedAmount(): number {
    return this.#raw.bufferedAmount
  }

  /** Gets the messages, as a listener does. */
  get onmessage(): PipeHandler<PipeMessageEvent> | null {
    return this.#handlers.message ?? null
  }
  set onmessage(handler: PipeHandler<PipeMessageEvent> | null) {
    this.#handle('message', handler)
  }

  /** Is told of the end, as a listener is. */
  get onclose(): PipeHandler<PipeCloseEvent> | null {
    return this.#handlers.close ?? null
  }
  set onclose(handler: PipeHandler<PipeCloseEvent> | null) {
    this.#handle('close', handler)
  }

  /**
   * Sends a message. In Node a peer takes at most 100 MiB: a larger one ends the pipe, with the
   * `error` `message_too_big` on both sides.
   *
   * @returns whether it goes out: not when the pipe is closing or has ended
   * @throws TypeError for anything but text, an ArrayBuffer, a view of one, or a Blob
   */
  send(data: Sendable): boolean {
    sizeOf(data)
    if (this.readyState !== 1) return false
    this.#raw.send(data)
    return true
  }

  /**
   * Closes the pipe; the code and the reason reach the peer.
   * @param code - 1000, or from 3000 on; 4400 to 4499 are the server's
   * @throws what WebSocket throws for any other code
   */
  close(code?: number, reason?: string): void {
    this.#raw.close(code, reason)
    this.isClosing = true
    // the peer's answer stands behind what was not read
    this.#raw.resume?.()
  }

  /**
   * The same pipe as a pair of WHATWG streams, where the app prefers that to events.
   * @throws TypeError where listeners get its messages already
   */
  stream(): PipeStream {
    if (this.#listeners.has('message')) throw new TypeError('The messages have listeners.')
    this.#streaming ??= createStream(this.#raw, this.inbox, () => this.close(1000))
    return this.#streaming.stream
  }

  addEventListener<Type extends keyof PipeEventMap>(
    type: Type,
    listener: PipeListener<PipeEventMap[Type]>,
    options?: boolean | PipeListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: PipeListener,
    options?: boolean | PipeListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: PipeListener,
    options?: boolean | PipeListenerOptions,
  ): void {
    const { once, signal } = Object(options) as PipeListenerOptions
    if (!listener || signal?.aborted) return
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener))
    this.#listeners.add(type, listener, once)
    // what has come already comes later in this turn, when all listeners are there
    queueMicrotask(() => this.#deliver())
  }

  removeEventListener(type: string, listener: PipeListener): void {
    this.#listeners.remove(type, listener)
  }

  /** Tells the listeners of an event, as for the DOM's EventTarget. */
  dispatchEvent(event: { readonly type: string }): boolean {
    for (const each of this.#listeners.called(event.type)) {
      try {
        if (typeof each === 'function') each.call(this, event as never)
        else each!.handleEvent(event as never)
      } catch (error) {
        // uncaught, and harms nobody else
        queueMicrotask(() => {
          throw error
        })
      }
    }
    return true
  }

  #handle(type: string, handler: PipeHandler<never> | null): void {
    this.removeEventListener(type, this.#handlers[type] ?? null)
    this.#handlers[type] = handler
    this.addEventListener(type, handler)
  }

  #deliver(): void {
    const { inbox } = this
    this.#streaming?.news()
    // a listener may end its listening: the rest waits then
    while (!inbox.isEmpty && this.#listeners.has('message') && !this.#streaming) {
      this.#message(inbox.take()!)
    }
    const { ending } = inbox
    if (!ending || !inbox.isEmpty || this.#ended || !this.#listeners.has('close')) return
    this.#ended = true
    const wasClean = ending.code !== 1006
    this.dispatchEvent({ type: 'close', target: this, ...ending, wasClean } as PipeCloseEvent)
  }

  #message(message: Message): void {
    const asBlob = this.binaryType === 'blob' && typeof message !== 'string'
    const data = asBlob ? new Blob([message]) : message
    this.dispatchEvent({ type: 'message', target: this, data } as PipeMessageEvent)
  }
}
