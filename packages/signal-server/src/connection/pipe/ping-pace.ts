import { Pace } from '../../limits/pace.js'
import type { Settings } from '../../options.js'
import { Slowdown } from '../../limits/slowdown.js'
import { Pause } from './inlet.js'
import type { PipeEnd } from './pipe-end.js'

/** Slows a client that sends too many pings. */
export class PingPace {
  readonly #pace: Pace
  readonly #slowdown: Slowdown

  /** @param resumed - the client is read again */
  constructor(
    private readonly end: PipeEnd,
    { messagesPerSecond, messagesBurst, slowedTime }: Settings,
    resumed: () => void = () => {},
  ) {
    this.#pace = new Pace(messagesPerSecond, messagesBurst)
    this.#slowdown = new Slowdown(slowedTime, () => {
      resumed()
      end.resume(Pause.pings)
    })
  }

  /** Whether the client is not read at the moment. */
  get slowed(): boolean {
    return this.#slowdown.active
  }

  /** @returns false if the client has been slowed for too long */
  spend(pings: number): boolean {
    const wait = this.#pace.spend(pings)
    if (wait === 0) return true
    if (!this.#slowdown.start(wait)) return false
    this.end.pause(Pause.pings)
    return true
  }

  stop(): void {
    this.#slowdown.stop()
  }
}
