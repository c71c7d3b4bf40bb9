import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket as NetSocket } from 'node:net'
import type { Socket } from 'engine.io'
import { pieceOverhead, Share, type EndpointContext } from 'signal-server'
import type { WebSocket } from 'ws'
import { ReaderLimits } from '../reader-limits.js'

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

/**
 * The packets that a connection of engine.io has to send. They count against the budget until the
 * network has taken them: what waits for the next request of long polling or for a WebSocket that is busy, and what
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
  readonly #limits: ReaderLimits

  constructor(
    private readonly socket: Socket,
    context: EndpointContext,
  ) {
    this.#share = new Share(context.budget)
    this.#limits = new ReaderLimits(context)
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
    return this.#limits.congested(this.#bytes)
  }

  /** Whether more waits than may. */
  get full(): boolean {
    return this.#limits.full(this.#waitingBytes, this.#cost)
  }

  /**
   * Looks whether anything was read since the last time.
   * @returns whether it is to be waited for
   */
  beat(elapsed: number): boolean {
    return this.#limits.beat(elapsed, this.#limits.congested(this.#cost), this.#sent)
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
