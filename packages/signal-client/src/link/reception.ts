import { Kind, type Frame } from './frames.js'
import { Grants, type Message, type Receiver } from './receiver.js'
import { FRAME_COST } from './send-queue.js'
import { LINK_CREDIT } from './outgoing.js'

/**
 * Receives the messages of all channels of a link, within the credit that was granted. A message that is
 * larger than the window of its channel can only be completed if its fragments count as consumed before
 * the app has the message. That rule holds for one message of a link at a time, until the app has consumed
 * that message.
 */
export class Reception {
  readonly grants = new Grants(LINK_CREDIT)
  /** Channels of which the peer is to be told of more credit. */
  readonly due = new Set<Receiver>()
  /** The channel whose fragments count as consumed. */
  #assembling: Receiver | undefined
  /** Set when its message is complete: what the app must have consumed by then of the channel. */
  #until: number | undefined
  readonly #waiting = new Set<Receiver>()

  /**
   * Takes a data frame.
   * @param mayAssemble - whether this end has the channel; otherwise its first credit must suffice
   * @throws Violation if it breaks a rule
   */
  take(receiver: Receiver, frame: Frame, mayAssemble: boolean): Message | undefined {
    this.#count(receiver, frame)
    const message = receiver.take(frame)
    if (message) {
      this.#waiting.delete(receiver)
      if (this.#assembling === receiver) this.#until ??= receiver.given
    } else if (mayAssemble) this.resume(receiver)
    return message
  }

  /** Lets a message grow beyond the window if its fragments fill the window. */
  resume(receiver: Receiver): void {
    if (receiver.size > 0 && receiver.grants.isNarrow) this.#assemble(receiver)
  }

  /** Takes a data frame that nobody wants. */
  ignore(receiver: Receiver, frame: Frame): void {
    this.consume(receiver, this.#count(receiver, frame))
  }

  /** A frame of a channel that is closed: it counts for the link alone. */
  ignoreUnknown({ kind, payload }: Frame): void {
    if (kind > Kind.fragment) return
    this.grants.receive(payload.length + FRAME_COST)
    this.grants.consume(payload.length + FRAME_COST)
  }

  /** The app has consumed something that came on a channel. */
  consume(receiver: Receiver, cost: number): void {
    receiver.grants.consume(cost)
    this.grants.consume(cost)
    if (receiver.grants.isDue) this.due.add(receiver)
  }

  /** Whether a quarter of a window has been consumed that the peer has not been told of. */
  get isDue(): boolean {
    return this.due.size > 0 || this.grants.isDue
  }

  /** The app has consumed messages that it was given. @param cost - as the messages tell it */
  taken(receiver: Receiver, cost: number): void {
    receiver.taken += cost
    this.consume(receiver, cost)
    const isOver = this.#until !== undefined && receiver.taken >= this.#until
    if (this.#assembling === receiver && isOver) this.#next()
  }

  /** The peer has closed a channel: an incomplete message stays so. */
  end(receiver: Receiver): void {
    const given = receiver.given - receiver.taken
    this.consume(receiver, receiver.grants.unread - given)
    receiver.forget()
    this.#waiting.delete(receiver)
    if (this.#assembling === receiver && this.#until === undefined) this.#next()
  }

  /** Nobody wants what has come on a channel. */
  drop(receiver: Receiver): void {
    receiver.forget()
    receiver.taken = receiver.given
    const { unread } = receiver.grants
    this.consume(receiver, unread)
    this.#waiting.delete(receiver)
    if (this.#assembling === receiver) this.#next()
  }

  #count(receiver: Receiver, { payload }: Frame): number {
    const cost = payload.length + FRAME_COST
    receiver.grants.receive(cost)
    this.grants.receive(cost)
    return cost
  }

  #assemble(receiver: Receiver): void {
    this.#assembling ??= receiver
    if (this.#assembling !== receiver || this.#until !== undefined) this.#waiting.add(receiver)
    else this.consume(receiver, receiver.release())
  }

  #next(): void {
    this.#assembling = undefined
    this.#until = undefined
    const [next] = this.#waiting
    if (!next) return
    this.#waiting.delete(next)
    this.#assemble(next)
  }
}
