import { Kind, type Frame } from './frames.js'
import { FIRST_CREDIT, FRAME_COST } from './send-queue.js'
import { Violation } from './violation.js'

const MOST_CREDIT = 4 * 1024 * 1024

/** Counts what may be received, and what the app has consumed of it. */
export class Grants {
  #received = 0
  #consumed = 0
  #told: number
  #doubledAt = 0

  /**
   * @param window - how much may be received and not consumed, in bytes
   * @param most - how far the window grows while the app keeps up
   */
  constructor(
    private window: number,
    private readonly most = window,
  ) {
    this.#told = window
  }

  /** @throws Violation if more comes than was granted */
  receive(cost: number): void {
    this.#received += cost
    if (this.#received > this.#told) throw new Violation('more than it was granted')
  }

  consume(cost: number): void {
    this.#consumed += cost
    const keepsUp = this.#consumed === this.#received
    if (keepsUp && this.#consumed - this.#doubledAt >= this.window && this.window < this.most) {
      this.window = Math.min(this.window * 2, this.most)
      this.#doubledAt = this.#consumed
    }
  }

  /** What has come and is not consumed. */
  get unread(): number {
    return this.#received - this.#consumed
  }

  /** Whether a message does not fit into what may still come, unless its fragments are consumed. */
  get isNarrow(): boolean {
    return this.unread > this.window / 2
  }

  /** Whether the peer should be told of more. */
  get isDue(): boolean {
    return this.#consumed + this.window - this.#told >= this.window / 4
  }

  /** The total that the peer may send since the beginning; it counts as told. */
  tell(): number {
    return (this.#told = Math.max(this.#told, this.#consumed + this.window))
  }
}

/** A whole message. */
export interface Message {
  readonly data: string | Uint8Array
  /** What the app gives back when it has consumed it, in bytes. */
  readonly cost: number
}

/** What comes on a channel that the peer has opened. */
export class Receiver {
  readonly grants = new Grants(FIRST_CREDIT, MOST_CREDIT)
  #fragments: Uint8Array[] = []
  /** The size of the fragments. */
  size = 0
  /** What the fragments cost, unless they count as consumed. */
  #held = 0
  /** What all messages that the app was given cost, and what it has consumed of that. */
  given = 0
  taken = 0
  /** A message was too large: nothing that comes is wanted any more. */
  isTooLarge = false

  /**
   * @param channel - the peer's number of it
   * @param key - for which the peer has opened it
   */
  constructor(
    readonly channel: number,
    readonly key: string,
  ) {}

  /**
   * Takes a data frame whose cost has been counted.
   * @returns a message if it is complete now
   * @throws Violation if a text is no UTF-8
   */
  take({ kind, payload }: Frame): Message | undefined {
    this.#held += payload.length + FRAME_COST
    this.size += payload.length
    if (kind === Kind.fragment) {
      // a view would keep the whole record
      this.#fragments.push(payload.slice())
      return undefined
    }
    const bytes = this.#fragments.length > 0 ? this.#whole(payload) : payload
    const data = kind === Kind.text ? textOf(bytes) : bytes === payload ? bytes.slice() : bytes
    const cost = this.#held
    this.given += cost
    this.forget()
    return { data, cost }
  }

  /** Drops the fragments of a message that is not complete. */
  forget(): void {
    this.#fragments = []
    this.size = 0
    this.#held = 0
  }

  /** The fragments count as consumed from now on. @returns what they cost */
  release(): number {
    const cost = this.#held
    this.#held = 0
    return cost
  }

  #whole(last: Uint8Array): Uint8Array {
    const whole = new Uint8Array(this.size)
    let at = 0
    for (const fragment of this.#fragments) {
      whole.set(fragment, at)
      at += fragment.length
    }
    whole.set(last, at)
    return whole
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Violation('a text that is no UTF-8')
  }
}
