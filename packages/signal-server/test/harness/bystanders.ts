import { within } from './arrivals.js'
import { Client } from './client.js'

// often enough to notice what is lost, seldom enough to leave the machine to the test
const interval = 5

/**
 * Two peers that have nothing to do with a test's case: introduced, piped, and talking all the
 * while. What one sends the other must get, in order.
 */
export class Bystanders {
  #sent = 0
  #answered = 0
  #timer: NodeJS.Timeout | undefined
  #wrong: string | undefined
  #caughtUp: (() => void) | undefined

  private constructor(
    private readonly sockets: readonly Client[],
    private readonly a: Client,
    b: Client,
  ) {
    b.ws.on('message', (data: Buffer) => b.ws.send(data))
    a.ws.on('message', (data: Buffer) => this.#heard(data.toString()))
  }

  /**
   * @param url - of the server, `ws://…`
   * @param mark - tells them from others who stand by
   */
  static async meet(url: string, mark = ''): Promise<Bystanders> {
    const [first, second, key] = [
      `bystander-1${mark}`,
      `bystander-2${mark}`,
      `bystanding${mark}`,
    ] as const
    const [one, other] = await Promise.all(
      [first, second].map((id) => Client.open(`${url}/introduction/${id}`, ['signal.v1'])),
    )
    one!.send({ type: 'Join', join: [key] })
    other!.send({ type: 'Join', join: [key] })
    await Promise.all([one!.next('Introduction'), other!.next('Introduction')])
    const [a, b] = await Promise.all([
      Client.open(`${url}/connection/${first}/${second}/${key}`),
      Client.open(`${url}/connection/${second}/${first}/${key}`),
    ])
    return new Bystanders([one!, other!, a, b], a, b).#start()
  }

  /** Rejects where anything was lost, repeated, mixed up, or either of them was sent away. */
  async lostNothing(): Promise<void> {
    const closed = this.sockets.find(({ ws }) => ws.readyState !== ws.OPEN)
    if (closed) throw new Error(`a bystander's socket was closed: ${closed.ws.url}`)
    const caughtUp = new Promise<void>((resolve) => (this.#caughtUp = resolve))
    this.#say()
    await within(caughtUp, 'the answers to what the bystanders sent')
    if (this.#wrong !== undefined) throw new Error(this.#wrong)
    const introductions = this.sockets.slice(0, 2).flatMap(({ seen }) => seen.slice(2))
    if (introductions.length > 0) {
      throw new Error(`a bystander was told: ${introductions[0]!.text}`)
    }
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.sockets.map((socket) => socket.kill()))
  }

  #start(): this {
    this.#timer = setInterval(() => this.#say(), interval)
    return this
  }

  #say(): void {
    this.a.ws.send(String(this.#sent++))
  }

  #heard(text: string): void {
    if (text !== String(this.#answered)) {
      this.#wrong ??= `a bystander got ${text} for ${this.#answered}`
    }
    this.#answered++
    if (this.#answered === this.#sent) this.#caughtUp?.()
  }
}
