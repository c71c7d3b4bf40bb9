import { once } from 'node:events'
import { WebSocket } from 'ws'

const longest = 10_000

/** A client that never notices what others do, and ignores what they send it. */
export class Bystander {
  readonly #ws: WebSocket

  private constructor(
    readonly name: string,
    url: string,
  ) {
    this.#ws = new WebSocket(url)
    // a lost connection shows as a message that does not arrive
    this.#ws.on('error', () => {})
    // engine.io asks whether it lives
    this.#ws.on('message', (data: Buffer) => {
      if (data.toString() === '2') this.#ws.send('3')
    })
  }

  static async connect(name: string, url: string): Promise<Bystander> {
    const bystander = new Bystander(name, url)
    await once(bystander.#ws, 'open', { signal: AbortSignal.timeout(longest) })
    return bystander
  }

  send(message: string): void {
    this.#ws.send(message)
  }

  /**
   * Sends a message, and resolves with the first text that comes and is wanted.
   * @throws Error where none comes in time
   */
  async ask(message: string, wanted: RegExp): Promise<string> {
    const heard = this.hears(wanted)
    this.send(message)
    return heard
  }

  /** @throws Error where no text that is wanted comes in time */
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

  close(): void {
    this.#ws.terminate()
  }
}

/** Two of them, who have met and talk in the words of their protocol. */
export interface BystanderPair {
  readonly both: readonly [Bystander, Bystander]
  /** Nobody else can say anything to them: whatever comes has to be what was sent. */
  readonly private?: true
  /** The message with which one brings a text to the other. */
  message(from: 0 | 1, text: string): string
}
