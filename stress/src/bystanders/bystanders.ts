import type { Ends } from '../target.js'
import type { BystanderPair } from './bystander-pair.js'
import { protocols } from './protocols.js'

// an introduction may send 20 messages per second, and a client that sends more is slowed, then closed
const rest = 100

/** Pairs, one of each protocol, that talk all the while and must never notice what others do. */
export class Bystanders {
  /** What they noticed. */
  readonly faults: string[] = []
  readonly #longest = new Map<string, number>()
  /** When those who wait at the moment began to. */
  readonly #waiting = new Map<string, number>()
  #ending = false
  #sent = 0

  private constructor(
    private readonly ends: Ends,
    private readonly pairs: readonly BystanderPair[],
  ) {
    for (const { name, both, theirs } of pairs) {
      if (!theirs) continue
      for (const one of both) {
        one.listen((text) => {
          if (theirs.test(text) && !/message \d+ of [01]/.test(text)) {
            this.#fault(`At ${name} a stranger reached a bystander: ${text.slice(0, 200)}`)
          }
        })
      }
    }
  }

  static async meet(ends: Ends): Promise<Bystanders> {
    const pairs: BystanderPair[] = []
    for (const meet of protocols) pairs.push(await meet(ends))
    return new Bystanders(ends, pairs)
  }

  /** Lets them talk until they are closed. */
  start(): void {
    for (const pair of this.pairs) void this.#repeat(pair.name, () => this.#exchange(pair))
    for (const target of this.ends) {
      void this.#repeat(`port ${target.port}, plain HTTP`, () => askHealth(target))
    }
  }

  /** The longest that one has waited since the last call, in ms, by endpoint. */
  longest(): Record<string, number> {
    const now = performance.now()
    for (const [name, since] of this.#waiting) this.#waited(name, now - since)
    const waits = Object.fromEntries(this.#longest)
    this.#longest.clear()
    return waits
  }

  close(): void {
    this.#ending = true
    for (const { both } of this.pairs) for (const one of both) one.close()
  }

  async #repeat(name: string, once: () => Promise<void>): Promise<void> {
    while (!this.#ending) {
      const begin = performance.now()
      this.#waiting.set(name, begin)
      try {
        await once()
      } catch (error) {
        if (this.#ending) return
        this.#fault(`At ${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
      this.#waiting.delete(name)
      this.#waited(name, performance.now() - begin)
      await new Promise((resolve) => setTimeout(resolve, rest))
    }
  }

  #waited(name: string, milliseconds: number): void {
    this.#longest.set(name, Math.max(milliseconds, this.#longest.get(name) ?? 0))
  }

  /** Each of the two sends a message, and hears that of the other. */
  async #exchange({ both, message }: BystanderPair): Promise<void> {
    const text = `message ${++this.#sent}`
    await Promise.all(
      ([0, 1] as const).map(async (from) => {
        const heard = both[1 - from]!.hears(new RegExp(`${text} of ${from}`))
        both[from].send(message(from, `${text} of ${from}`))
        await heard
      }),
    )
  }

  #fault(sentence: string): void {
    if (this.faults.length < 20) this.faults.push(sentence)
  }
}

async function askHealth({ port, headers }: Ends[0]): Promise<void> {
  const signal = AbortSignal.timeout(10_000)
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { headers, signal })
  await answer.text()
  if (answer.status !== 200) throw new Error(`the health check answered ${answer.status}.`)
}
