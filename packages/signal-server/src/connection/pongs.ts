import type { Settings } from '../options.js'
import { Pace } from '../pace.js'
import { Slowdown } from '../slowdown.js'
import { Opcode, serverFrame, type ControlOpcode } from './frame.js'
import { Pause } from './inlet.js'
import type { Leg } from './leg.js'

/** Answers the pings of a client that waits, and slows it where it sends too many. */
export class Pongs {
  /** A ping that came too soon after others. */
  #unanswered: Buffer | undefined
  readonly #pace: Pace
  readonly #slowdown: Slowdown

  constructor(
    private readonly leg: Leg,
    { messagesPerSecond, messagesBurst, slowedTime }: Settings,
  ) {
    this.#pace = new Pace(messagesPerSecond, messagesBurst)
    this.#slowdown = new Slowdown(slowedTime, () => {
      this.answer()
      leg.resume(Pause.pace)
    })
  }

  /**
   * Takes a ping, or a pong that nobody waits for.
   * @returns false where the client has been slowed for too long
   */
  take(opcode: ControlOpcode, payload: Buffer): boolean {
    const wait = this.#pace.spend(1)
    // of many pings only the last has to be answered (RFC 6455 §5.5.3)
    if (opcode === Opcode.ping && wait > 0) this.#unanswered = payload
    else if (opcode === Opcode.ping) this.#pong(payload)
    if (wait === 0) return true
    if (!this.#slowdown.start(wait)) return false
    this.leg.pause(Pause.pace)
    return true
  }

  /** Answers the last ping, where that was put off. */
  answer(): void {
    if (this.#unanswered) this.#pong(this.#unanswered)
    this.#unanswered = undefined
  }

  stop(): void {
    this.#slowdown.stop()
  }

  #pong(payload: Buffer): void {
    this.leg.cork()
    this.leg.write(serverFrame(Opcode.pong, payload))
  }
}
