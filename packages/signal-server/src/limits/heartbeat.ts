/** Something that lives by showing life. */
export interface Monitored {
  /** Set whenever anything was received; the heartbeat takes it back. */
  heard: boolean
  /** When it was last heard, on the heartbeat's clock. */
  lastHeard: number
  /** When it was pinged since then, on the heartbeat's clock; 0 if it was not. */
  pingedAt: number
  /**
   * Called after `pingInterval` of silence.
   * @returns whether silence counts against it from now on; false where it could not answer
   */
  ping(): boolean
  /** Called when it stayed silent for `pongTimeout` after that. */
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
  readonly #monitored = new Set<Monitored>()
  readonly #timer: NodeJS.Timeout
  readonly #interval: number
  /** Milliseconds that the process has run: not the time while it, or the machine, stood still. */
  #clock = 1
  #beatAt = performance.now()

  /** @param pingInterval, pongTimeout - in milliseconds */
  constructor(
    readonly pingInterval: number,
    readonly pongTimeout: number,
  ) {
    // four looks at each time keep the worst case under 45 s with the default of 22 + 20 s
    this.#interval = Math.max(10, Math.min(1_000, pingInterval / 4, pongTimeout / 4))
    this.#timer = setInterval(() => this.#beat(), this.#interval)
    this.#timer.unref()
  }

  add(monitored: Monitored): void {
    monitored.lastHeard = this.#clock
    monitored.pingedAt = 0
    this.#monitored.add(monitored)
  }

  remove(monitored: Monitored): void {
    this.#monitored.delete(monitored)
  }

  get size(): number {
    return this.#monitored.size
  }

  close(): void {
    clearInterval(this.#timer)
    this.#monitored.clear()
  }

  #beat(): void {
    const beatAt = performance.now()
    // after a standstill the pongs that have come meanwhile have not been read yet
    const elapsed = Math.min(beatAt - this.#beatAt, 2 * this.#interval)
    this.#clock += elapsed
    this.#beatAt = beatAt
    const now = Date.now()
    for (const monitored of this.#monitored) {
      monitored.beat?.(now, elapsed)
      if (monitored.heard) {
        monitored.heard = false
        monitored.lastHeard = this.#clock
        monitored.pingedAt = 0
      } else if (monitored.pingedAt) {
        if (this.#clock - monitored.pingedAt >= this.pongTimeout) monitored.lapsed()
      } else if (this.#clock - monitored.lastHeard >= this.pingInterval && monitored.ping()) {
        monitored.pingedAt = this.#clock
      }
    }
  }
}
