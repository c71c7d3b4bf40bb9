import { once } from 'node:events'
import { WebSocket } from 'ws'

const longest = 10_000

/** How a bystander comes. */
export interface BystanderOptions {
  headers: Readonly<Record<string, string>>
  /** Offers `signal.v1`. */
  v1?: boolean
}

/** A client that never notices what others do, and ignores what they send it. */
export class Bystander {
  readonly #ws: WebSocket

  private constructor(
    readonly name: string,
    url: string,
    { headers, v1 }: BystanderOptions,
  ) {
    this.#ws = new WebSocket(url, v1 ? ['signal.v1'] : [], { headers: { ...headers } })
    // a lost connection shows as a message that does not arrive
    this.#ws.on('error', () => {})
    // engine.io asks whether it lives
    this.#ws.on('message', (data: Buffer) => {
      if (data.toString() === '2') this.#ws.send('3')
    })
  }

  static async connect(name: string, url: string, options: BystanderOptions): Promise<Bystander> {
    const bystander = new Bystander(name, url, options)
    await once(bystander.#ws, 'open', { signal: AbortSignal.timeout(longest) })
    return bystander
  }

  send(message: string): void {
    this.#ws.send(message)
  }

  /**
   * Sends a message, and resolves with the first text that comes and is wanted.
   * @throws Error if none comes in time
   */
  async ask(message: string, wanted: RegExp): Promise<string> {
    const heard = this.hears(wanted)
    this.send(message)
    return heard
  }

  /** @throws Error if no text that is wanted comes in time */
  hears(wanted: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = (settle: () => void) => {
        clearTimeout(late)
        this.#ws.off('message', listen)
        settle()
      }
      const listen = (data: Buffer) => {
        const text = data.toString()
        if (wanted.test(text)) stop(() => resolve(text))
      }
      const late = setTimeout(() => {
        const sentence = `${this.name} did not hear ${wanted.source} within ${longest / 1_000} s.`
        stop(() => reject(new Error(sentence)))
      }, longest)
      this.#ws.on('message', listen)
    })
  }

  /** Calls back with every text that comes. */
  listen(heard: (text: string) => void): void {
    this.#ws.on('message', (data: Buffer) => heard(data.toString()))
  }

  close(): void {
    this.#ws.terminate()
  }
}

/** Two bystanders that have met and talk in the words of their protocol. */
export interface BystanderPair {
  /** The endpoint. */
  readonly name: string
  readonly both: readonly [Bystander, Bystander]
  /** What only the other one of the pair can say to them: anything else like it is a fault. */
  readonly theirs?: RegExp
  /** The message with which one brings a text to the other. */
  readonly message: (from: 0 | 1, text: string) => string
}
