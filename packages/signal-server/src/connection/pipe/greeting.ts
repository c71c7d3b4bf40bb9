import { pieceOverhead } from '../../limits/byte-budget.js'

// a client that shows nothing for so long is taken to listen
const greetingTime = 1_000

/**
 * Keeps what goes to a client that may not listen yet. Published clients on Node lose what reaches
 * them together with the 101, for their listeners come later: until their first frame of any kind
 * they get nothing but a ping, which asks for one (docs/PROTOCOL.md, Held bytes).
 */
export class Greeting {
  readonly #frames: Buffer[] = []
  #size = 0
  readonly #timer: NodeJS.Timeout

  /** @param timedOut - the client has shown nothing; what is kept had better go out now */
  constructor(timedOut: () => void) {
    this.#timer = setTimeout(timedOut, greetingTime)
  }

  /** How many bytes are kept. */
  get size(): number {
    return this.#size
  }

  /** What they cost in memory. */
  get cost(): number {
    return this.#size + this.#frames.length * pieceOverhead
  }

  keep(bytes: Buffer): void {
    // a copy, for a view would pin the whole chunk
    this.#frames.push(Buffer.from(bytes))
    this.#size += bytes.length
  }

  /** Ends the greeting and hands over what was kept. */
  take(): Buffer {
    clearTimeout(this.#timer)
    return Buffer.concat(this.#frames)
  }
}
