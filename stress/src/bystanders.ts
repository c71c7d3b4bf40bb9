import type { BystanderPair } from './bystander-pair.js'
import { protocols } from './bystander-protocols.js'

/** Pairs, one of each protocol, that talk all the while and must never notice what others do. */
export class Bystanders {
  #sent = 0

  private constructor(private readonly pairs: readonly BystanderPair[]) {}

  /** @param token - for an app of the server */
  static async meet(port: number, token: string): Promise<Bystanders> {
    const pairs: BystanderPair[] = []
    for (const meet of protocols) pairs.push(await meet(`ws://127.0.0.1:${port}`, token))
    return new Bystanders(pairs)
  }

  /**
   * Every one sends a message, and hears that of the other.
   * @throws Error where one does not come, or is another
   */
  async talk(): Promise<void> {
    const text = `message ${++this.#sent}`
    const known = new RegExp(`${text}\\b`)
    await Promise.all(
      this.pairs.flatMap((pair) =>
        ([0, 1] as const).map(async (from) => {
          const { both } = pair
          const heard = both[1 - from]!.hears(pair.private ? /^/ : known)
          both[from].send(pair.message(from, `${text} of ${from}`))
          const came = await heard
          if (!came.includes(`${text} of ${from}`)) throw new Error(`Instead of it came "${came}".`)
        }),
      ),
    )
  }

  close(): void {
    for (const { both } of this.pairs) for (const one of both) one.close()
  }
}
