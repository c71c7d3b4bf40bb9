import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { pieceOverhead } from './limits/byte-budget.js'

/** What ws keeps, which it does not tell otherwise: how many frames a message had, or what is left. */
interface Receiver {
  /** Bytes that it has not looked at. */
  readonly _bufferedBytes: number
  /** The payloads of the frames of a message that is not complete. */
  readonly _fragments: readonly Buffer[]
  /** 0 between two frames. */
  readonly _state: number
}

/**
 * The memory of what ws keeps: of frames that are not complete, and of messages whose last frame has
 * not come. A chunk stays in memory as long as a part of it is kept.
 */
export class UnfinishedFrames {
  /** Of the chunks that have a part of a frame that is not complete. */
  #frame = 0
  /** Of the chunks that have the complete frames of a message that is not. */
  #message = 0
  #fragments = 0
  /** Whether a frame or a message has ended in the chunk that ws takes apart. */
  #ended = false

  constructor(
    private readonly ws: WebSocket,
    socket: Socket,
  ) {
    // after ws has seen it
    socket.on('data', ({ length }: Buffer) => this.#look(length))
    ws.on('message', () => {
      this.#ended = true
      this.#fragments = this.#message = 0
    })
    for (const event of ['ping', 'pong']) ws.on(event, () => (this.#ended = true))
  }

  /** Bytes of memory; at the end of a chunk it is right. */
  get cost(): number {
    return this.#frame + this.#message
  }

  #look(bytes: number): void {
    const { _receiver: receiver } = this.ws as unknown as { readonly _receiver: Receiver }
    const { _bufferedBytes: waiting, _state: state } = receiver
    const { length: fragments } = receiver._fragments
    if (fragments > this.#fragments) {
      this.#ended = true
      this.#message += this.#frame + bytes + pieceOverhead
    }
    this.#fragments = fragments
    // what was not complete before this chunk is, and what is not now has begun in it
    if (this.#ended) this.#frame = 0
    this.#ended = false
    this.#frame = waiting > 0 || state !== 0 ? this.#frame + bytes + pieceOverhead : 0
  }
}
