import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { pieceOverhead } from './byte-budget.js'

/** The header and mask of a client's frame (RFC 6455 §5.2). */
const headerBytes = (payload: number) => (payload < 126 ? 6 : payload < 0x10000 ? 8 : 14)

/** What ws keeps of frames that are not complete, or not the last of their message. */
export class UnfinishedFrames {
  #bytes = 0
  /** The chunks that these may be in. */
  #chunks = 0
  #chunkBytes = 0
  #lastChunk = 0

  constructor(ws: WebSocket, socket: Socket) {
    // before ws sees it
    socket.prependListener('data', ({ length }: Buffer) => {
      this.#bytes += length
      this.#chunks++
      this.#chunkBytes += length
      this.#lastChunk = length
    })
    socket.on('data', () => {
      if (this.#bytes === 0) this.#chunks = this.#chunkBytes = 0
    })
    ws.on('message', ({ length }: Buffer) => {
      this.#finish(length)
      // how many frames it had is not known; but what follows it is in the last chunk
      this.#bytes = Math.min(this.#bytes, this.#lastChunk)
      this.#chunks = 1
      this.#chunkBytes = this.#lastChunk
    })
    for (const event of ['ping', 'pong']) {
      ws.on(event, ({ length }: Buffer) => this.#finish(length))
    }
  }

  /** Bytes of memory; at the end of a chunk it is right. */
  get cost(): number {
    return this.#bytes > 0 ? this.#chunkBytes + this.#chunks * pieceOverhead : 0
  }

  /** A frame with so much payload is complete. */
  #finish(payload: number): void {
    this.#bytes = Math.max(0, this.#bytes - headerBytes(payload) - payload)
  }
}
