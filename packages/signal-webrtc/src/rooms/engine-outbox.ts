import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket as NetSocket } from 'node:net'
import type { Socket } from 'engine.io'
import { pieceOverhead, Share, type EndpointContext } from 'signal-server'
import type { WebSocket } from 'ws'

/** What engine.io does not tell of what it writes to. */
interface Transport {
  /** Of long polling: the answer to the request that waits. */
  readonly res?: ServerResponse | null
  /** Of a WebSocket. */
  readonly socket?: WebSocket & { readonly _socket?: NetSocket | null }
}

/** What engine.io keeps of a packet until it hands it over. */
interface Packet {
  readonly data?: string | Buffer
  /** The frame for a WebSocket that socket.io-adapter has made of the data, in pieces. */
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] }
}

// while the server's memory is short: as much may wait, and for so long without progress
const shortBytes = 64 * 1024
const shortStallTime = 5_000
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
  /** Bytes of memory that it keeps beside these. */
  #waitingMemory = 0
  /** All, with what was handed over. */
  #bytes = 0
  #packets = 0
  /** Packets that the network has taken. */
  #taken = 0
  /** The connections that take what was handed over. */
  readonly #taking = new Set<NetSocket>()
  #sentBefore = 0
  /** Milliseconds in which nothing was read of what has waited for long. */
  #stalled = 0

  constructor(
    private readonly socket: Socket,
    private readonly context: EndpointContext,
  ) {
    this.#share = new Share(context.budget)
    socket.on('packetCreate', (packet: Packet) => {
      const bytes = bytesOf(packet)
      this.#waitingBytes += bytes
      this.#waitingPackets++
      this.#waitingMemory += memoryOf(packet) - bytes
      this.#add(bytes, 1)
    })
    socket.on('flush', () => this.#handOver())
    // engine.io forgets what it has not handed over
    socket.on('close', () => {
      const [bytes, packets] = this.#takeWaiting()
      this.#add(-bytes, -packets)
    })
  }

  /** Whether so much waits that others had better not send it more. */
  get congested(): boolean {
    return this.#bytes > this.#much
  }

  /** Whether more waits than may. */
  get full(): boolean {
    const { maxQueuedBytes } = this.context.settings
    return this.#waitingBytes > maxQueuedBytes || this.#cost > mostOverhead * maxQueuedBytes
  }

  /**
   * Looks whether anything was read since the last time.
   * @returns whether it is to be waited for
   */
  beat(elapsed: number): boolean {
    const sent = this.#sent
    const stalls = this.#cost > this.#much && sent === this.#sentBefore
    this.#stalled = stalls ? this.#stalled + elapsed : 0
    this.#sentBefore = sent
    const { budget, settings } = this.context
    const { stallTime } = settings
    return this.#stalled < (budget.over ? Math.min(shortStallTime, stallTime) : stallTime)
  }

  /** So much that its client is waited for no longer than the stall time, and others do not add to it. */
  get #much(): number {
    const { budget, settings } = this.context
    return budget.over ? shortBytes : settings.maxQueuedBytes / 4
  }

  /** Changes whenever the network takes something. */
  get #sent(): number {
    let sent = this.#taken
    for (const tcp of this.#taking) sent += tcp.bytesWritten - tcp.writableLength
    return sent
  }

  get #cost(): number {
    return this.#bytes + this.#waitingMemory + this.#packets * pieceOverhead
  }

  #add(bytes: number, packets: number): void {
    this.#bytes += bytes
    this.#packets += packets
    this.#share.set(this.#cost)
  }

  /** Counts nothing as waiting any more. */
  #takeWaiting(): [bytes: number, packets: number] {
    const [bytes, packets] = [this.#waitingBytes, this.#waitingPackets]
    this.#waitingBytes = this.#waitingPackets = this.#waitingMemory = 0
    this.#share.set(this.#cost)
    return [bytes, packets]
  }

  #handOver(): void {
    const [bytes, packets] = this.#takeWaiting()
    const { transport } = this.socket
    const { res, socket: ws } = transport as unknown as Transport
    const tcp = res ? res.socket : ws?._socket
    if (!tcp || tcp.destroyed) return this.#add(-bytes, -packets)
    this.#taking.add(tcp)
    whenSent(res ?? transport, res ? 'close' : 'drain', tcp, () => {
      this.#taking.delete(tcp)
      this.#taken += packets
      this.#add(-bytes, -packets)
    })
  }
}

/** Bytes that go over the network. */
const bytesOf = ({ data = '' }: Packet): number => Buffer.byteLength(data)

/** Bytes of memory. */
function memoryOf(packet: Packet): number {
  const { data = '', options } = packet
  let memory = bytesOf(packet)
  // V8 keeps a text with one character above U+00FF as two bytes per character
  if (memory !== data.length) memory = Math.max(memory, 2 * data.length)
  for (const piece of options?.wsPreEncodedFrame ?? []) memory += piece.length
  return memory
}

/**
 * Calls back when the network has taken what is about to be written, or never will.
 *
 * @param event - of the source: engine.io itself takes an answer for sent as soon as it is written
 */
function whenSent(source: EventEmitter, event: string, tcp: NetSocket, sent: () => void): void {
  const once = () => {
    source.off(event, once)
    tcp.off('close', once)
    sent()
  }
  source.on(event, once)
  tcp.on('close', once)
}
