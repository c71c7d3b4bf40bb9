import type { Settings } from '../../options.js'
import { Opcode, serverFrame, type ControlOpcode } from '../pipe/frame.js'
import type { LocalEnd } from '../pipe/local-end.js'
import { PingLimit } from '../pipe/ping-limit.js'

/** Answers the pings of a client that waits, and slows it when it sends too many. */
export class Pongs {
  /** The last ping that was not answered yet. */
  #unanswered: Buffer | undefined
  readonly #pingLimit: PingLimit

  constructor(
    private readonly localEnd: LocalEnd,
    settings: Settings,
  ) {
    this.#pingLimit = new PingLimit(localEnd, settings, () => this.answer())
  }

  /**
   * Takes a ping, or a pong that nobody waits for.
   * @param count - so many came, of which this is the last
   * @returns false if the client has been slowed for too long
   */
  take(opcode: ControlOpcode, payload: Buffer, count: number): boolean {
    if (opcode === Opcode.ping) this.#unanswered = payload
    if (!this.#pingLimit.spend(count)) return false
    // of many pings only the last has to be answered (RFC 6455 §5.5.3)
    if (!this.#pingLimit.slowed) this.answer()
    return true
  }

  /** Answers the last ping, if that was put off and the client reads its pongs. */
  answer(): void {
    if (!this.#unanswered || this.localEnd.congested) return
    this.localEnd.cork()
    this.localEnd.write(serverFrame(Opcode.pong, this.#unanswered))
    this.#unanswered = undefined
  }

  stop(): void {
    this.#pingLimit.stop()
  }
}
