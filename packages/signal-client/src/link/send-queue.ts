import { Fifo } from './fifo.js'
import { Kind, MAX_PAYLOAD, type Frame } from './frames.js'

/** The cost of a data frame beside its payload, in bytes of credit: its memory while it is kept. */
export const FRAME_COST = 32
/** The credit of a channel when it is opened, in bytes. */
export const FIRST_CREDIT = 64 * 1024

/** A frame that is sent, or is about to be, and is kept until it is acknowledged. */
export interface OutgoingFrame extends Frame {
  /** What it takes of the credit; 0 if it needs none. */
  readonly cost: number
  /** The queue that it comes from. */
  readonly queue: SendQueue | undefined
}

/** A message of which some has not gone out yet. */
interface Message {
  readonly bytes: Uint8Array
  readonly last: Kind
  sent: number
}

/** The messages of a channel that an app has sent, and that have not gone out yet. */
export class SendQueue {
  readonly #messages = new Fifo<Message>()
  #granted = FIRST_CREDIT
  #spent = 0
  #close: Uint8Array | undefined
  /** Bytes of messages that are queued, or that the peer has not acknowledged. */
  bufferedAmount = 0
  /** Waits for its turn. */
  isInTurn = false
  /** The size of the message that is begun and not finished, if it has several frames. */
  unfinished = 0

  /** @param channel - the number of the channel, which this end has opened */
  constructor(readonly channel: number) {}

  /** @param bytes - are not copied */
  push(bytes: Uint8Array, last: Kind): void {
    if (this.#close) return
    this.#messages.push({ bytes, last, sent: 0 })
    this.bufferedAmount += bytes.length
  }

  /** Sends `close` after all that is queued. */
  close(payload: Uint8Array): void {
    this.#close ??= payload
  }

  /** Drops the messages that are queued; a `close` stays. */
  clear(): void {
    for (let message; (message = this.#messages.shift());) {
      this.bufferedAmount -= message.bytes.length - message.sent
    }
  }

  /** @param total - granted since the channel was opened; totals never fall */
  grant(total: number): void {
    this.#granted = Math.max(this.#granted, total)
  }

  /** What was granted and is not spent, in bytes. */
  get credit(): number {
    return this.#granted - this.#spent
  }

  /**
   * The cost of the next frame of a message.
   * @returns undefined if there is none, or the channel's credit does not suffice
   */
  get nextCost(): number | undefined {
    const message = this.#messages.at(0)
    if (!message) return undefined
    const cost = Math.min(MAX_PAYLOAD, message.bytes.length - message.sent) + FRAME_COST
    return cost > this.credit ? undefined : cost
  }

  /** The size of the next message if it has several frames and none has been taken. */
  get beginning(): number {
    const message = this.#messages.at(0)
    return message?.sent === 0 && message.bytes.length > MAX_PAYLOAD ? message.bytes.length : 0
  }

  /** Takes the next frame, of which {@link nextCost} has told the cost. */
  take(): OutgoingFrame {
    const message = this.#messages.at(0)!
    const { bytes, sent, last } = message
    const isLast = bytes.length - sent <= MAX_PAYLOAD
    const payload = isLast && sent === 0 ? bytes : bytes.subarray(sent, sent + MAX_PAYLOAD)
    message.sent += payload.length
    if (isLast) this.#messages.shift()
    const cost = payload.length + FRAME_COST
    this.#spent += cost
    const kind = isLast ? last : Kind.fragment
    return { channel: this.channel, kind, payload, cost, queue: this }
  }

  /** Takes the `close` once all messages have been taken. */
  takeClose(): OutgoingFrame | undefined {
    const payload = this.#close
    if (!payload || this.#messages.length > 0) return undefined
    this.#close = undefined
    return { channel: this.channel, kind: Kind.close, payload, cost: 0, queue: this }
  }
}
