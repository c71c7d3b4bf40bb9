import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { Share, type ByteBudget } from './limits/byte-budget.js'
import { PackedMessages, type Message } from './packed-messages.js'
import { startReading, stopReading } from './reading.js'
import { UnfinishedFrames } from './unfinished-frames.js'

/** The last of some pings. */
export interface LastPing {
  readonly ping: Buffer
  readonly count: number
}

// a client that sends on after it was closed is read so far, for its answer may be behind that
const readAfterClose = 64 * 1024

/**
 * Messages and pings that a WebSocket has delivered and nobody has dealt with yet, in their order.
 * One chunk from the network holds up to ten thousand of them, and they come even while the socket is
 * paused. Of several pings only the last is kept (RFC 6455 §5.5.3). What is kept counts against the
 * budget, and so does a message of which only a part has come.
 */
export class Arrivals {
  readonly #share: Share
  readonly #waiting = new PackedMessages()
  /** The message that has just come, if none waits: mostly it is taken at once. */
  #fresh: Message | undefined
  #ping: (LastPing & { after: number }) | undefined
  /** Messages, in all. */
  #received = 0
  #taken = 0
  /** Bytes behind the message that is being dealt with. */
  #working = 0
  readonly #unfinished: UnfinishedFrames
  #closed = false
  /** Bytes that came after it was closed. */
  #discarded = 0

  /** @param arrived - there may be something to {@link take} */
  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    budget: ByteBudget,
    private readonly arrived: () => void,
  ) {
    this.#share = new Share(budget)
    this.#unfinished = new UnfinishedFrames(ws, socket)
    // before ws sees it
    socket.prependListener('data', ({ length }: Buffer) => {
      if (this.#closed && (this.#discarded += length) > readAfterClose) this.pause()
    })
    socket.on('data', () => {
      if (this.#ping) this.arrived()
      this.#count()
    })
    socket.once('close', () => this.#share.set(0))
    ws.on('message', (data: Buffer, binary) => this.#message({ data, binary }))
    ws.on('ping', (ping) => {
      if (this.#closed) return
      this.#ping = { ping, count: 1 + (this.#ping?.count ?? 0), after: this.#received }
    })
  }

  /** Bytes of memory of all that is kept. */
  get cost(): number {
    return this.#waiting.cost + this.#working + this.#unfinished.cost
  }

  /** The next message, or the ping that came before it; the one before has been dealt with. */
  take(): Message | LastPing | undefined {
    const ping = this.#ping
    if (ping?.after === this.#taken) {
      this.#ping = undefined
      return ping
    }
    const message = this.#waiting.shift() ?? this.#fresh
    this.#fresh = undefined
    if (message) this.#taken++
    // in the buffer of those that wait it is counted there
    this.#working = message && this.#waiting.empty ? message.data.buffer.byteLength : 0
    this.#count()
    return message
  }

  /** Reads nothing more until {@link resume}. */
  pause(): void {
    if (this.ws.isPaused) return
    this.ws.pause()
    stopReading(this.socket)
  }

  resume(): void {
    startReading(this.socket)
    this.ws.resume()
  }

  /** Keeps nothing any more; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
    this.#fresh = this.#ping = undefined
    this.#share.set(0)
    this.resume()
  }

  #message(message: Message): void {
    if (this.#closed) return
    this.#received++
    if (this.#waiting.empty) {
      this.#fresh = message
      this.arrived()
      if (!this.#fresh) return
      this.#fresh = undefined
    }
    this.#waiting.push(message)
  }

  #count(): void {
    if (!this.#closed) this.#share.set(this.cost)
  }
}
