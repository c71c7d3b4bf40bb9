/** A client that can be asked for a sign of life. */
export interface Probed {
  /**
   * Sends it a ping.
   * @returns false if it could not answer now: it is not judged then
   */
  ping(): boolean
  /** Whether it is not read at the moment, so that no sign of life can be seen. */
  readonly paused: boolean
  /** Bytes that wait for the network: a ping goes behind them. */
  readonly queued: number
  /** Bytes that the network has taken since the start. */
  readonly sent: number
}

/** How long a client has to show life once somebody else asks for its name, in milliseconds. */
const answerTime = 3_000
// many who ask for one name must not make its holder answer all the time
const restTime = 1_000

/**
 * Finds out at once whether a client still lives, where the heartbeat takes its time. It sends one
 * ping at a time, and at most one per second, however many ask.
 */
export class LifeCheck {
  #running: Promise<boolean> | undefined
  #settle: ((lives: boolean) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #pingedAt = -Infinity
  #pinged = false

  constructor(private readonly client: Probed) {}

  /** Resolves with whether the client lives: as soon as it shows life, or after 3 s of silence. */
  lives(): Promise<boolean> {
    return (this.#running ??= new Promise((resolve) => {
      this.#settle = (lives) => {
        clearTimeout(this.#timer)
        this.#settle = this.#running = undefined
        this.#pinged = false
        resolve(lives)
      }
      const rest = this.#pingedAt + restTime - performance.now()
      if (rest > 0) this.#timer = setTimeout(() => this.#ping(), rest)
      else this.#ping()
    }))
  }

  /** Something has come from the client. */
  heard(): void {
    if (this.#pinged) this.#settle?.(true)
  }

  /** The client is gone. */
  stop(): void {
    this.#settle?.(false)
  }

  #ping(): void {
    if (!this.client.ping()) return this.#settle?.(true)
    this.#pingedAt = performance.now()
    this.#pinged = true
    const { queued, sent } = this.client
    this.#timer = setTimeout(() => {
      // what has come while the process stood still is read first
      setImmediate(() => {
        const reads = queued > 0 && this.client.sent > sent
        this.#settle?.(reads || this.client.paused)
      })
    }, answerTime)
  }
}
