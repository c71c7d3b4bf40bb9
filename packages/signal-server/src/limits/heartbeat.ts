/** Something that lives by showing life. */
export interface Pulse {
  /** Set whenever anything was received; the heartbeat takes it back. */
  heard: boolean
  /** When it was last heard, on the heartbeat's clock. */
  lastHeard: number
  /** When it was pinged since then, on the heartbeat's clock; 0 if it was not. */
  pingedAt: number
  /**
   * Called after `pingAfter` of silence.
   * @returns whether silence counts against it from now on; false where it could not answer
   */
  ping(): boolean
  /** Called when it stayed silent for `pongWithin` after that. */
  lapsed(): void
  /**
   * Called on every beat, for whatever else depends on time.
   *
   * @param now - in milliseconds since 1970
   * @param elapsed - milliseconds since the last beat, without those in which the process stood still
   */
  beat?(now: number, elapsed: number): void
}

/**
 * One timer for a whole server: finds the silent, pings them, and gives up those that stay silent.
 * Sockets only set a flag when they are heard, so a busy one costs nothing.
 */
export class Heartbeat {
  readonly #pulses = new Set<Pulse>()
  readonly #timer: NodeJS.Timeout
  readonly #interval: number
  /** Milliseconds that the process has run: not the time while it, or the machine, stood still. */
  #clock = 1
  #beatAt = performance.now()

  /** @param pingAfter, pongWithin - in milliseconds */
  constructor(
    readonly pingAfter: number,
    readonly pongWithin: number,
  ) {
    // four looks at each time keep the worst case under 45 s with the default of 22 + 20 s
    this.#interval = Math.max(10, Math.min(1_000, pingAfter / 4, pongWithin / 4))
    this.#timer = setInterval(() => this.#beat(), this.#interval)
    this.#timer.unref()
  }

  add(pulse: Pulse): void {
    pulse.lastHeard = this.#clock
    pulse.pingedAt = 0
    this.#pulses.add(pulse)
  }

  remove(pulse: Pulse): void {
    this.#pulses.delete(pulse)
  }

  get size(): number {
    return this.#pulses.size
  }

  close(): void {
    clearInterval(this.#timer)
    this.#pulses.clear()
  }

  #beat(): void {
    const beatAt = performance.now()
    // after a standstill the pongs that have come meanwhile have not been read yet
    const elapsed = Math.min(beatAt - this.#beatAt, 2 * this.#interval)
    this.#clock += elapsed
    this.#beatAt = beatAt
    const now = Date.now()
    for (const pulse of this.#pulses) {
      pulse.beat?.(now, elapsed)
      if (pulse.heard) {
        pulse.heard = false
        pulse.lastHeard = this.#clock
        pulse.pingedAt = 0
      } else if (pulse.pingedAt) {
        if (this.#clock - pulse.pingedAt >= this.pongWithin) pulse.lapsed()
      } else if (this.#clock - pulse.lastHeard >= this.pingAfter && pulse.ping()) {
        pulse.pingedAt = this.#clock
      }
    }
  }
}
