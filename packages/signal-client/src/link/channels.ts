import { Channel, type ChannelOwner, type Ending } from './channel.js'
import { decodeClose, encodeClose } from './close-payload.js'
import { Kind, type Frame } from './frames.js'
import type { Outgoing } from './outgoing.js'
import { Receiver, type Message } from './receiver.js'
import { Reception } from './reception.js'
import { Violation } from './violation.js'

/** How many channels a peer may have opened that nobody here has. */
const MOST_WAITING = 4_096

/** The longest key, in bytes: those of channels that wait are kept. */
const MAX_KEY = 1_024

/** The link of the channels: it knows the keys, and tells the app. */
export interface ChannelsHandler {
  /** Whether a key is wanted here, and belongs to the peer's session. */
  isShared(key: string): boolean
  /** Something is to be sent, or a channel is gone. */
  changed(): void
  opened(channel: Channel): void
  message(channel: Channel, message: Message): void
  closed(channel: Channel, ending: Ending): void
  failed(channel: Channel, sentence: string): void
}

/** A channel that the peer has opened and not closed. */
interface Opened {
  readonly receiver: Receiver
  /** Complete messages, while there is no channel of this end. */
  readonly early: Message[]
}

/**
 * The channels of a link. Each end opens a channel for a key by `open`, and ends it by `close`; both
 * count until the other end has answered. A key is open when both ends have opened it.
 *
 * | this end | peer sends `open` | peer sends `close` | peer sends `refuse` |
 * | -------- | ----------------- | ------------------ | ------------------- |
 * | none | `open` if the key is shared, otherwise it waits | `refuse` | ignored |
 * | open | the key is open | `close`; ended | ended |
 * | closing | it waits | ended; `open` if the key is shared | ended; `open` if the key is shared |
 */
export class Channels implements ChannelOwner {
  readonly #reception = new Reception()
  readonly #byKey = new Map<string, Channel>()
  readonly #byNumber = new Map<number, Channel>()
  #lastNumber = 0
  readonly #opened = new Map<number, Opened>()
  readonly #openedByKey = new Map<string, Opened>()
  #lastOpened = 0

  constructor(
    private readonly id: string,
    private readonly session: string,
    private readonly outgoing: Outgoing,
    private readonly maxMessageBytes: number,
    private readonly handler: ChannelsHandler,
  ) {}

  /** Whether the app knows of a channel, or one waits for the answer to its `close`. */
  get isInUse(): boolean {
    for (const { isAnnounced, state } of this.#byKey.values()) {
      if (isAnnounced || state === 'closing') return true
    }
    return false
  }

  /** Those that wait for an answer to their `close`. */
  get closing(): Channel[] {
    return [...this.#byKey.values()].filter(({ state }) => state === 'closing')
  }

  get(key: string): Channel | undefined {
    return this.#byKey.get(key)
  }

  /** Opens a channel for a key that has none. */
  open(key: string): void {
    if (this.#byKey.has(key)) return
    const channel = new Channel(this, this.id, this.session, key, ++this.#lastNumber)
    this.#byKey.set(key, channel)
    this.#byNumber.set(channel.number, channel)
    this.outgoing.control(channel.number, Kind.open, encoder.encode(key))
    const opened = this.#openedByKey.get(key)
    if (opened) this.#join(channel, opened)
    this.handler.changed()
  }

  /** Tells the app of a channel. */
  announce(channel: Channel): void {
    if (channel.isAnnounced || channel.state !== 'open') return
    channel.isAnnounced = true
    this.handler.opened(channel)
  }

  /** Closes the channel of a key, if there is one. */
  closeKey(key: string, ending: Ending): void {
    const channel = this.#byKey.get(key)
    if (channel?.state === 'open') this.#close(channel, ending)
  }

  /** The peer has left a key: if it has never opened it, no `close` of its will come. */
  departed(key: string): void {
    const channel = this.#byKey.get(key)
    if (channel?.state !== 'open' || channel.receiver || !channel.isAnnounced) return
    const ending: Ending = { code: 1000, reason: '', why: 'left' }
    this.#close(channel, ending)
    this.#tell(channel, ending)
  }

  /** Closes the channel of a key that another session has now: the app is told at once. */
  loseKey(key: string): void {
    const ending: Ending = { code: 1000, reason: 'replaced', why: 'replaced' }
    this.closeKey(key, ending)
    const channel = this.#byKey.get(key)
    if (channel) this.#tell(channel, ending)
  }

  close(channel: Channel, code: number, reason: string): void {
    this.#close(channel, { code, reason, why: 'closed' })
  }

  queued({ queue }: Channel): void {
    this.outgoing.offer(queue)
    this.handler.changed()
  }

  consumed({ receiver }: Channel, cost: number): void {
    if (!receiver) return
    this.#reception.taken(receiver, cost)
    if (this.grantsAreDue) this.handler.changed()
  }

  /**
   * Tells the app of the end of every channel whose `close` waits for an answer, and drops what is
   * queued before the `close`. The key itself waits on: an answer that comes late would otherwise end
   * the next channel.
   */
  giveUpClosing(): void {
    for (const channel of this.closing) {
      this.#tell(channel, lost(channel.ending!))
      this.outgoing.drop(channel.queue)
    }
  }

  /** The link has ended: so do all channels. */
  end(ending: Ending): void {
    for (const channel of [...this.#byKey.values()]) {
      this.#ended(channel, channel.ending ? lost(channel.ending) : ending)
    }
    this.#opened.clear()
    this.#openedByKey.clear()
  }

  /** Whether a quarter of a window has been consumed that the peer has not been told of. */
  get grantsAreDue(): boolean {
    return this.#reception.isDue
  }

  /**
   * The grants to tell the peer: pairs of a channel and the total granted on it.
   * @param all - also of channels that have nothing new
   */
  takeGrants(all: boolean): [channel: number, total: number][] {
    const receivers = all
      ? [...this.#opened.values()].map(({ receiver }) => receiver)
      : this.#reception.due
    const grants: [number, number][] = [[0, this.#reception.grants.tell()]]
    for (const { channel, grants: own } of receivers) grants.push([channel, own.tell()])
    this.#reception.due.clear()
    return grants
  }

  /** @throws Violation if the channel was never opened */
  granted(number: number, total: number): void {
    if (number === 0) return this.outgoing.grant(total)
    const channel = this.#byNumber.get(number)
    if (!channel) return this.#expectKnown(number)
    channel.queue.grant(total)
    this.outgoing.offer(channel.queue)
  }

  /**
   * Takes a numbered frame of a channel.
   * @throws Violation if it breaks a rule
   */
  take(frame: Frame): void {
    const { channel, kind, payload } = frame
    if (kind === Kind.open) return this.#takeOpen(channel, payload)
    if (kind === Kind.refuse) return this.#takeRefuse(channel)
    const opened = this.#opened.get(channel)
    if (!opened) {
      if (channel > this.#lastOpened) throw new Violation('a channel that was never opened')
      return this.#reception.ignoreUnknown(frame)
    }
    if (kind === Kind.close) return this.#takeClose(opened, payload)
    this.#takeData(opened, frame)
  }

  #takeOpen(number: number, payload: Uint8Array): void {
    if (number !== this.#lastOpened + 1) throw new Violation('a channel out of turn')
    this.#lastOpened = number
    const key = keyOf(payload)
    if (this.#openedByKey.has(key)) throw new Violation('a key that is open already')
    const channel = this.#byKey.get(key)
    const tooMany = this.#opened.size - this.#byKey.size >= MOST_WAITING
    if (tooMany && !channel && !this.handler.isShared(key)) {
      this.outgoing.control(number, Kind.refuse, nothing)
      return
    }
    const opened = { receiver: new Receiver(number, key), early: [] }
    this.#opened.set(number, opened)
    this.#openedByKey.set(key, opened)
    if (channel?.state === 'open') this.#join(channel, opened)
    else if (!channel && this.handler.isShared(key)) this.open(key)
  }

  #join(channel: Channel, { receiver, early }: Opened): void {
    channel.receiver = receiver
    this.announce(channel)
    for (const message of early.splice(0)) this.#deliver(channel, message)
    if (receiver.isTooLarge) this.#closeTooLarge(channel)
    this.#reception.resume(receiver)
  }

  #takeData({ receiver, early }: Opened, frame: Frame): void {
    const channel = this.#byKey.get(receiver.key)
    if (channel?.state === 'closing' || receiver.isTooLarge) {
      return this.#reception.ignore(receiver, frame)
    }
    if (receiver.size + frame.payload.length > this.maxMessageBytes) {
      this.#reception.ignore(receiver, frame)
      this.#reception.end(receiver)
      receiver.isTooLarge = true
      if (channel) this.#closeTooLarge(channel)
      return
    }
    const message = this.#reception.take(receiver, frame, channel !== undefined)
    if (!message) return
    if (channel) this.#deliver(channel, message)
    else early.push(message)
  }

  #closeTooLarge(channel: Channel): void {
    if (channel.state !== 'open') return
    this.handler.failed(channel, `A message is larger than ${this.maxMessageBytes} bytes.`)
    this.#close(channel, { code: 1009, reason: 'message too large', why: 'closed' })
  }

  #deliver(channel: Channel, message: Message): void {
    if (channel.state === 'open') this.handler.message(channel, message)
  }

  #takeClose(opened: Opened, payload: Uint8Array): void {
    const { receiver } = opened
    this.#opened.delete(receiver.channel)
    this.#openedByKey.delete(receiver.key)
    const channel = this.#byKey.get(receiver.key)
    if (channel?.receiver === receiver) this.#reception.end(receiver)
    else this.#reception.drop(receiver)
    this.#reception.due.delete(receiver)
    if (!channel) this.outgoing.control(receiver.channel, Kind.refuse, nothing)
    else if (channel.state === 'closing') this.#answered(channel)
    else {
      this.outgoing.drop(channel.queue)
      this.outgoing.control(channel.number, Kind.close, encodeClose(1000, ''))
      this.#ended(channel, { ...decodeClose(payload), why: 'left' })
    }
  }

  #takeRefuse(number: number): void {
    const channel = this.#byNumber.get(number)
    if (!channel) return this.#expectKnown(number)
    if (channel.state === 'closing') return this.#answered(channel)
    this.outgoing.drop(channel.queue)
    this.#ended(channel, { code: 1013, reason: 'refused', why: 'left' })
  }

  #close(channel: Channel, ending: Ending): void {
    channel.state = 'closing'
    channel.ending = ending
    if (channel.receiver) this.#reception.drop(channel.receiver)
    channel.receiver = undefined
    channel.queue.close(encodeClose(ending.code, ending.reason))
    this.queued(channel)
  }

  #answered(channel: Channel): void {
    // the peer drops what still comes, and must get the `close` before another `open`
    this.outgoing.drop(channel.queue)
    this.#ended(channel, channel.ending!)
    if (this.handler.isShared(channel.key)) this.open(channel.key)
  }

  #ended(channel: Channel, ending: Ending): void {
    channel.state = 'closed'
    channel.ending = ending
    this.#byKey.delete(channel.key)
    this.#byNumber.delete(channel.number)
    this.#tell(channel, ending)
    this.handler.changed()
  }

  /** Tells the app of an end, once. */
  #tell(channel: Channel, ending: Ending): void {
    if (!channel.isAnnounced) return
    channel.isAnnounced = false
    this.handler.closed(channel, ending)
  }

  #expectKnown(number: number): void {
    if (number > this.#lastNumber) throw new Violation('a channel that was never opened')
  }
}

/** How a channel ends whose `close` was not answered. */
const lost = (ending: Ending): Ending => ({ ...ending, why: 'lost' })

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const nothing = new Uint8Array(0)

function keyOf(payload: Uint8Array): string {
  if (payload.length > MAX_KEY) throw new Violation('a key that is too long')
  try {
    const key = decoder.decode(payload)
    if (key !== '') return key
  } catch {
    // said below
  }
  throw new Violation('a key that is empty or no UTF-8')
}
