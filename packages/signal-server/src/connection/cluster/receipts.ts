// what the sender does not wait for is acknowledged after a moment, or with what goes the other way
const ackTime = 20

/** Bytes of a pipe that have come from the other instance, and what it was told of that. */
export class Receipts {
  /** In all; how many of them were acknowledged; and how many of them it waits for. */
  #received = 0
  #acked = 0
  #asked = 0
  #timer: NodeJS.Timeout | undefined
  #held = false

  /** @param send - tells that so many bytes, in all, were taken */
  constructor(private readonly send: (acked: number) => void) {}

  /** How many bytes, in all, the client here is known to have taken. */
  get acked(): number {
    return this.#acked
  }

  /** @param ask - whether the sender waits until these bytes are acknowledged */
  take(bytes: number, ask: boolean): void {
    this.#received += bytes
    if (ask) this.#asked = this.#received
  }

  /** Whether the client here does not take what has come. */
  hold(held: boolean): void {
    this.#held = held
  }

  /** Something goes to the sender now, and carries {@link acked} with it. */
  attach(): number {
    if (!this.#held) this.#acked = this.#received
    return this.#acked
  }

  /** Acknowledges what the client here has taken: now where it is waited for, else soon. */
  acknowledge(): void {
    if (this.#held || this.#received === this.#acked) return
    if (this.#asked > this.#acked) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), ackTime)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#held || this.#acked === this.#received) return
    this.send(this.attach())
  }
}
