import type { ServerResponse } from 'node:http'
import type { Socket as NetSocket } from 'node:net'
import type { Socket } from 'engine.io'
import { pieceOverhead, Share, type ByteBudget } from 'signal-server'
import type { WebSocket } from 'ws'

/** What engine.io does not tell of what it writes to. */
interface Transport {
  /** Of long polling: the answer to the request that waits. */
  readonly res?: ServerResponse | null
  /** Of a WebSocket. */
  readonly socket?: WebSocket & { readonly _socket?: NetSocket | null }
}

// of small packets most of the cost is not theirs
const mostOverhead = 4

/**
 * What a connection of engine.io has to send, which counts against the budget until the network has
 * taken it: what waits for the next request of long polling or for a WebSocket that is busy, and what
 * was handed over to an answer or a WebSocket whose client does not read.
 */
export class EngineOutbox {
  readonly #share: Share
  /** What engine.io has not handed over yet. */
  #waitingBytes = 0
  #waitingPackets = 0
  /** All, with what was handed over. */
  #bytes = 0
  #packets = 0

  constructor(
    private readonly socket: Socket,
    budget: ByteBudget,
    private readonly maxQueuedBytes: number,
  ) {
    this.#share = new Share(budget)
    socket.on('packetCreate', ({ data }: { data?: string | Buffer }) => {
      const bytes = data?.length ?? 0
      this.#waitingBytes += bytes
      this.#waitingPackets++
      this.#add(bytes, 1)
    })
    socket.on('flush', () => this.#handOver())
    // engine.io forgets what it has not handed over
    socket.on('close', () => {
      this.#add(-this.#waitingBytes, -this.#waitingPackets)
      this.#waitingBytes = this.#waitingPackets = 0
    })
  }

  /** Whether so much waits that others had better not send it more. */
  get congested(): boolean {
    return this.#bytes > this.maxQueuedBytes / 4
  }

  /** Whether more waits than may. */
  get full(): boolean {
    return (
      this.#waitingBytes > this.maxQueuedBytes || this.#cost > mostOverhead * this.maxQueuedBytes
    )
  }

  get #cost(): number {
    return this.#bytes + this.#packets * pieceOverhead
  }

  #add(bytes: number, packets: number): void {
    this.#bytes += bytes
    this.#packets += packets
    this.#share.set(this.#cost)
  }

  #handOver(): void {
    const [bytes, packets] = [this.#waitingBytes, this.#waitingPackets]
    this.#waitingBytes = this.#waitingPackets = 0
    whenSent(this.socket, () => this.#add(-bytes, -packets))
  }
}

/** Calls back when the network has taken what is about to be written, or never will. */
function whenSent({ transport }: Socket, sent: () => void): void {
  const { res, socket: ws } = transport as unknown as Transport
  const tcp = res ? res.socket : ws?._socket
  if (!tcp || tcp.destroyed) return sent()
  // engine.io itself takes an answer for sent as soon as it is written
  const source = res ?? transport
  const event = res ? 'close' : 'drain'
  const once = () => {
    source.off(event, once)
    tcp.off('close', once)
    sent()
  }
  source.on(event, once)
  tcp.on('close', once)
}
