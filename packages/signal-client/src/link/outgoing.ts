import { Fifo } from './fifo.js'
import { frameSize, Kind, notice, Notice, writeFrame, type Frame } from './frames.js'
import type { OutgoingFrame, SendQueue } from './send-queue.js'
import { Violation } from './violation.js'

/** The largest record on the relay, in bytes. */
const MAX_RECORD = 64 * 1024
/** The credit of a link when a life begins, in bytes. */
export const LINK_CREDIT = 8 * 1024 * 1024

// of the messages that are begun and not finished, all but one are together at most so large: what a
// peer keeps of them must not use up the link's credit, or none of them is ever finished
const MOST_UNFINISHED = 2 * 1024 * 1024

/** How far the numbered frames have been sent on one transport. */
export interface Cursor {
  /** The number of the next frame to send there. */
  next: number
  /** The number that the peer counts next there; undefined before the first `from`. */
  counted: number | undefined
}

/**
 * Sends the frames of one end: each is numbered once, kept until it is acknowledged, and sent again on
 * another transport if the first one dies.
 */
export class Outgoing {
  readonly #kept = new Fifo<OutgoingFrame>()
  /** The number of the oldest frame that is kept. */
  #base = 0
  readonly #control = new Fifo<OutgoingFrame>()
  readonly #turns = new Fifo<SendQueue>()
  /** Queues whose next message must not begin yet. */
  #held: SendQueue[] = []
  #unfinished = 0
  /** The queue whose unfinished message does not count, for it may be of any size. */
  #large: SendQueue | undefined
  #granted = LINK_CREDIT
  #spent = 0

  /** The number of the oldest frame that is not acknowledged. */
  get base(): number {
    return this.#base
  }

  /** The number that the next new frame gets. */
  get next(): number {
    return this.#base + this.#kept.length
  }

  /** Queues a frame that goes out before all data. */
  control(channel: number, kind: Kind, payload: Uint8Array): void {
    this.#control.push({ channel, kind, payload, cost: 0, queue: undefined })
  }

  /** Gives a channel a turn if it has something that its credit allows to send. */
  offer(queue: SendQueue): void {
    const close = queue.takeClose()
    if (close) this.#control.push(close)
    if (queue.isInTurn || queue.nextCost === undefined) return
    queue.isInTurn = true
    this.#turns.push(queue)
  }

  /** Drops the messages that a channel has queued. A `close` that waits behind them goes out. */
  drop(queue: SendQueue): void {
    queue.clear()
    if (queue.unfinished > 0) this.#finish(queue)
    this.offer(queue)
  }

  /** @param total - granted for the whole link; totals never fall */
  grant(total: number): void {
    this.#granted = Math.max(this.#granted, total)
  }

  /**
   * The peer has all frames below a number.
   * @returns whether that is news
   * @throws Violation if there is no such frame yet
   */
  acknowledge(number: number): boolean {
    if (number > this.next) throw new Violation('an acknowledgement of what was not sent')
    const isNews = number > this.#base
    for (; this.#base < number; this.#base++) {
      const { queue, payload, cost } = this.#kept.shift()!
      if (queue && cost > 0) queue.bufferedAmount -= payload.length
    }
    return isNews
  }

  /** Whether there probably is something to send on a transport. */
  hasMore({ next }: Cursor): boolean {
    return next < this.next || this.#control.length > 0 || this.#turns.length > 0
  }

  /** Whether everything that has gone out is acknowledged. */
  get isAcknowledged(): boolean {
    return this.#kept.length === 0
  }

  /**
   * The next record for a transport.
   * @param lead - notices that go before the numbered frames
   * @returns undefined if there is nothing to send
   */
  record(cursor: Cursor, lead: readonly Frame[]): Uint8Array | undefined {
    const frames: Frame[] = [...lead]
    let size = lead.reduce((sum, frame) => sum + frameSize(frame), 0)
    if (cursor.next < this.#base) cursor.next = this.#base
    const from = cursor.next === cursor.counted ? undefined : notice(Notice.from, cursor.next)
    if (from) size += frameSize(from)
    const begin = cursor.next
    for (let frame; (frame = this.#frame(cursor.next));) {
      const more = frameSize(frame)
      if (size + more > MAX_RECORD) break
      if (cursor.next === begin && from) frames.push(from)
      frames.push(frame)
      size += more
      cursor.next++
    }
    if (frames.length === 0) return undefined
    if (cursor.next > begin) cursor.counted = cursor.next
    else if (from) size -= frameSize(from)
    const record = new Uint8Array(size)
    let at = 0
    for (const frame of frames) at = writeFrame(record, at, frame)
    return record
  }

  /** The frame of a number; if it is the next new one, it gets its number now. */
  #frame(number: number): Frame | undefined {
    if (number < this.next) return this.#kept.at(number - this.#base)
    const frame = this.#control.shift() ?? this.#fromTurns()
    if (frame) this.#kept.push(frame)
    return frame
  }

  #fromTurns(): OutgoingFrame | undefined {
    for (let queue; (queue = this.#turns.at(0));) {
      const cost = queue.nextCost
      if (cost !== undefined && cost > this.#granted - this.#spent) return undefined
      this.#turns.shift()
      queue.isInTurn = false
      // a queue that was cleared meanwhile has nothing
      if (cost === undefined || !this.#mayBegin(queue)) continue
      this.#spent += cost
      const frame = queue.take()
      if (queue.unfinished > 0 && frame.kind !== Kind.fragment) this.#finish(queue)
      this.offer(queue)
      return frame
    }
    return undefined
  }

  #mayBegin(queue: SendQueue): boolean {
    const size = queue.beginning
    if (size === 0) return true
    if (this.#unfinished + size <= MOST_UNFINISHED) this.#unfinished += size
    else if (!this.#large) this.#large = queue
    else {
      this.#held.push(queue)
      return false
    }
    queue.unfinished = size
    return true
  }

  #finish(queue: SendQueue): void {
    if (this.#large === queue) this.#large = undefined
    else this.#unfinished -= queue.unfinished
    queue.unfinished = 0
    const held = this.#held
    this.#held = []
    for (const each of held) this.offer(each)
  }
}
