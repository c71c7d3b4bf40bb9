import { once } from 'node:events'
import { WebSocket } from 'ws'

/** A pair that talks all the while, and must never notice what others do. */
export class Bystanders {
  #sent = 0

  private constructor(
    private readonly a: WebSocket,
    private readonly b: WebSocket,
  ) {
    // a lost connection shows as a message that does not arrive
    for (const socket of [a, b]) socket.on('error', () => {})
  }

  static async meet(port: number): Promise<Bystanders> {
    const base = `ws://127.0.0.1:${port}/connection`
    const a = new WebSocket(`${base}/bystander-a/bystander-b/k`)
    await once(a, 'open')
    const b = new WebSocket(`${base}/bystander-b/bystander-a/k`)
    await once(b, 'open')
    return new Bystanders(a, b)
  }

  /**
   * Sends a message each way and waits for both.
   * @throws Error where one does not come, or is another
   */
  async talk(): Promise<void> {
    const text = `message ${++this.#sent}`
    await Promise.all([exchange(this.a, this.b, text), exchange(this.b, this.a, text)])
  }

  close(): void {
    this.a.terminate()
    this.b.terminate()
  }
}

async function exchange(from: WebSocket, to: WebSocket, text: string): Promise<void> {
  const signal = AbortSignal.timeout(10_000)
  const arrived = once(to, 'message', { signal }) as Promise<[Buffer, boolean]>
  from.send(text)
  const [data] = await arrived.catch(() => {
    throw new Error(`The bystanders' "${text}" did not arrive within 10 s.`)
  })
  if (data.toString() !== text) throw new Error(`Instead of "${text}" came "${data.toString()}".`)
}
