import { randomBytes } from 'node:crypto'

// more than this are never under way, but a client may leave some unanswered
const remembered = 4

/** The pings of the server to one client, whose pongs are not for the other side. */
export class OwnPings {
  readonly #sent: { payload: string; mark: number }[] = []

  /** Whether one may still be answered. */
  get pending(): boolean {
    return this.#sent.length > 0
  }

  /**
   * The payload of the next one.
   * @param mark - given back when it is answered
   */
  next(mark: number, payload: Buffer = randomBytes(4)): Buffer {
    this.#sent.push({ payload: payload.toString('latin1'), mark })
    if (this.#sent.length > remembered) this.#sent.shift()
    return payload
  }

  /**
   * Takes a pong, where it answers one of them.
   * @returns the mark of that one; undefined where the pong is the other side's
   */
  answered(pong: Buffer): number | undefined {
    if (!this.pending) return undefined
    const payload = pong.toString('latin1')
    const at = this.#sent.findIndex((ping) => ping.payload === payload)
    if (at < 0) return undefined
    // a client may answer only the last of several pings (RFC 6455 §5.5.3)
    return this.#sent.splice(0, at + 1).at(-1)!.mark
  }
}
