import { Kind } from './frames.js'
import type { Receiver } from './receiver.js'
import { SendQueue } from './send-queue.js'

/** Why a channel has ended. */
export interface Ending {
  /** A WebSocket close code (RFC 6455 §7.4). */
  readonly code: number
  readonly reason: string
  /**
   * - `closed`: both ends have closed it, and the peer has everything that was sent
   * - `left`: the peer has gone, or does not want the key any more
   * - `replaced`: another session of one of the ends has the key
   * - `stopped`: this client has been closed; something that was sent may not have arrived
   * - `lost`: the link has ended otherwise; something that was sent may not have arrived
   */
  readonly why: 'closed' | 'left' | 'replaced' | 'stopped' | 'lost'
}

/** What a channel needs of its link. */
export interface ChannelOwner {
  /** Something has been queued. */
  queued(channel: Channel): void
  /** The app closes it. */
  close(channel: Channel, code: number, reason: string): void
  /** The app has consumed messages. */
  consumed(channel: Channel, cost: number): void
}

const encoder = new TextEncoder()

/** One key with one peer, as this end has opened it. */
export class Channel {
  readonly queue: SendQueue
  /** What the peer sends; undefined until it has opened the channel, and once this end closes it. */
  receiver: Receiver | undefined
  /** Whether the app knows of it. */
  isAnnounced = false
  /**
   * - `open`: `open` is sent
   * - `closing`: `close` is sent or queued, and not answered
   * - `closed`: nothing more comes
   */
  state: 'open' | 'closing' | 'closed' = 'open'
  /** How it ends, once that is known. */
  ending: Ending | undefined

  constructor(
    private readonly owner: ChannelOwner,
    /** The id of the peer. */
    readonly id: string,
    /** The session of the peer. */
    readonly session: string,
    readonly key: string,
    /** The number of the channel. */
    readonly number: number,
  ) {
    this.queue = new SendQueue(number)
  }

  /** Bytes that are queued, or that the peer has not acknowledged. */
  get bufferedAmount(): number {
    return this.queue.bufferedAmount
  }

  /** Sends a text or bytes. Bytes are copied. Does nothing once the channel is closing. */
  send(data: string | Uint8Array): void {
    if (this.state !== 'open') return
    const isText = typeof data === 'string'
    this.queue.push(isText ? encoder.encode(data) : data.slice(), isText ? Kind.text : Kind.binary)
    this.owner.queued(this)
  }

  /** Closes it after all that is queued. */
  close(code = 1000, reason = ''): void {
    if (this.state === 'open') this.owner.close(this, code, reason)
  }

  /** The app has consumed messages. @param cost - as the messages tell it */
  consumed(cost: number): void {
    this.owner.consumed(this, cost)
  }
}
