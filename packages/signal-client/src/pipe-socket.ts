import type { Ending } from './ending.js'
import { createInbox, type Inbox } from './inbox.js'
import { createStream, type PipeStream } from './pipe-stream.js'
import type { Message, RawSocket, Sendable } from './raw-socket.js'

/** What a `message` event carries, by {@link PipeSocket.binaryType}. */
export type PipeMessageEvent = MessageEvent<string | ArrayBuffer | Blob>

/** A `close` event, with the fields of the DOM's CloseEvent (which Node 20 lacks). */
export interface PipeCloseEvent extends Event, Ending {
  readonly wasClean: boolean
}

interface PipeEventMap {
  message: PipeMessageEvent
  close: PipeCloseEvent
}

/**
 * The pipe to a peer on a key, with the face of a WebSocket that is open. What comes before anybody
 * listens waits for the listener; the `close` event comes after the last message.
 */
export class PipeSocket extends EventTarget {
  /** What bytes are handed over as. */
  binaryType: 'arraybuffer' | 'blob' = 'arraybuffer'
  /** Gets the messages, as a listener does. */
  declare onmessage: ((event: PipeMessageEvent) => void) | null
  /** Is told of the end, as a listener is. */
  declare onclose: ((event: PipeCloseEvent) => void) | null
  /** @internal What has come. */
  readonly inbox: Inbox
  /** @internal Whether this side has closed it. */
  isClosing = false

  readonly #raw: RawSocket
  /** The events to which an app listens. */
  readonly #listens = new Set<string>()
  /** Whether the `close` event was dispatched. */
  #ended = false
  #streaming: ReturnType<typeof createStream> | undefined

  /** @internal @param raw - open and paired */
  constructor(raw: RawSocket) {
    super()
    this.#raw = raw
    this.inbox = createInbox(raw, () => this.#deliver())
    for (const type of ['message', 'close']) {
      let current: EventListener | null = null
      Object.defineProperty(this, `on${type}`, {
        get: () => current,
        set: (handler: EventListener | null) => {
          this.removeEventListener(type, current)
          current = handler
          if (handler) this.addEventListener(type, handler)
        },
      })
    }
  }

  /** 1 open, 2 closing, 3 closed: as for WebSocket. */
  get readyState(): number {
    return this.inbox.ending ? 3 : this.#raw.readyState
  }

  /** Bytes that were sent and that the network has not taken yet. */
  get bufferedAmount(): number {
    return this.#raw.bufferedAmount
  }

  /** Sends a message; what is sent once the pipe is closing goes nowhere, as with a WebSocket. */
  send(data: Sendable): void {
    this.#raw.send(data)
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
    if (this.#listens.has('message')) throw new TypeError('The messages have listeners.')
    this.#streaming ??= createStream(this.#raw, this.inbox, () => this.close(1000))
    return this.#streaming.stream
  }

  override addEventListener<Type extends keyof PipeEventMap>(
    type: Type,
    listener: (event: PipeEventMap[Type]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null | ((event: never) => void),
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options)
    this.#listens.add(type)
    // what has come already comes later in this turn, when all listeners are there
    queueMicrotask(() => this.#deliver())
  }

  #deliver(): void {
    const { inbox } = this
    if (this.#streaming) this.#streaming.news()
    else if (this.#listens.has('message')) {
      for (let data: Message | Blob | undefined; (data = inbox.take()) !== undefined;) {
        if (this.binaryType === 'blob' && typeof data !== 'string') data = new Blob([data])
        this.dispatchEvent(new MessageEvent('message', { data }))
      }
    }
    const { ending } = inbox
    if (!ending || !inbox.isEmpty || this.#ended || !this.#listens.size) return
    this.#ended = true
    const wasClean = ending.code !== 1006
    this.dispatchEvent(Object.assign(new Event('close'), { ...ending, wasClean }))
  }
}
