import { TokenBucket } from '../../limits/token-bucket.js'
import type { Settings } from '../../options.js'
import { Slowdown } from '../../limits/slowdown.js'
import { Pause } from './read-gate.js'
import type { PipeEnd } from './pipe-end.js'

/** Slows a client that sends too many pings. */
export class PingLimit {
  readonly #bucket: TokenBucket
  readonly #slowdown: Slowdown

  /** @param resumed - the client is read again */
  constructor(
    private readonly end: PipeEnd,
    { messagesPerSecond, messagesBurst, slowedTimeout }: Settings,
    resumed: () => void = () => {},
  ) {
    this.#bucket = new TokenBucket(messagesPerSecond, messagesBurst)
    this.#slowdown = new Slowdown(slowedTimeout, () => {
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
    const wait = this.#bucket.spend(pings)
    if (wait === 0) return true
    if (!this.#slowdown.start(wait)) return false
    this.end.pause(Pause.pings)
    return true
  }

  stop(): void {
    this.#slowdown.stop()
  }
}
