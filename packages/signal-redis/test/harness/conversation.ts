import { WebSocket } from 'ws'
import { within } from '../../../signal-server/test/harness/arrivals.js'

/** One side of a conversation. */
interface Side {
  readonly ws: WebSocket
  sent: number
  heard: number
  /** The close code; undefined while it is open. */
  code: number | undefined
  /** When it was closed, in milliseconds; 0 while it is open. */
  closedAt: number
}

/**
 * Two connections that number what they tell each other. Whatever is lost, repeated, out of order
 * or somebody else's is noticed.
 */
export class Conversation {
  readonly sides: readonly [Side, Side]
  /** What went wrong, in words. */
  wrong: string | undefined
  /** The longest that a message was under way, in milliseconds. */
  slowest = 0
  /** Resolves when both sides are closed. */
  readonly ended: Promise<[number, number]>
  #timer: NodeJS.Timeout | undefined

  /**
   * @param urls - of the instances of the two
   * @param name - of the conversation, and key of its connections
   */
  constructor(
    urls: readonly [string, string],
    readonly name: string,
  ) {
    const one = new WebSocket(`${urls[0]}/connection/one/two/${name}`, ['signal.v1'])
    const two = new WebSocket(`${urls[1]}/connection/two/one/${name}`, ['signal.v1'])
    this.sides = [this.#side(one, 0), this.#side(two, 1)]
    this.ended = Promise.all(
      this.sides.map(
        (side) =>
          new Promise<number>((resolve) => {
            side.ws.on('close', (code) => {
              side.closedAt = performance.now()
              resolve((side.code = code))
            })
          }),
      ),
    ) as Promise<[number, number]>
  }

  /** Opens one, and waits until the two have heard each other. */
  static async open(urls: readonly [string, string], name: string): Promise<Conversation> {
    const conversation = new Conversation(urls, name)
    await within(conversation.met, `${name} to meet`, 20_000)
    return conversation
  }

  /** Resolves when both have heard that they are paired. */
  get met(): Promise<unknown> {
    return Promise.all(
      this.sides.map(
        ({ ws }) => new Promise<void>((resolve) => ws.once('message', () => resolve())),
      ),
    )
  }

  /** Both talk, every so many milliseconds, until {@link hush}. */
  talk(milliseconds: number, bytes = 0): void {
    this.#timer = setInterval(() => this.say(bytes), milliseconds)
  }

  hush(): void {
    clearInterval(this.#timer)
  }

  /** Both say something. */
  say(bytes = 0): void {
    for (const [number, side] of this.sides.entries()) {
      if (side.ws.readyState !== WebSocket.OPEN || side.ws.bufferedAmount > 1_000_000) continue
      const now = performance.now().toFixed(1)
      side.ws.send(`${this.name}/${number}/${side.sent++}/${now}/${'x'.repeat(bytes)}`)
    }
  }

  /** Whether both live, and have heard everything. */
  get caughtUp(): boolean {
    const [one, two] = this.sides
    return this.open && one.heard === two.sent && two.heard === one.sent
  }

  /** Whether both are told that it has ended. */
  get over(): boolean {
    return this.sides.every(({ code }) => code !== undefined)
  }

  get open(): boolean {
    return this.sides.every(
      ({ ws, code }) => ws.readyState === WebSocket.OPEN && code === undefined,
    )
  }

  close(): void {
    this.hush()
    for (const { ws } of this.sides) ws.terminate()
  }

  #side(ws: WebSocket, number: number): Side {
    const side: Side = { ws, sent: 0, heard: 0, code: undefined, closedAt: 0 }
    ws.on('error', () => {})
    ws.on('message', (data: Buffer) => {
      const text = data.toString('latin1', 0, 100)
      if (text.startsWith('{"type":"Paired"}') && side.heard === 0) return
      const expected = `${this.name}/${1 - number}/${side.heard}/`
      if (!text.startsWith(expected)) this.wrong ??= `${text} came for ${expected}`
      const [sentAt] = text.slice(expected.length).split('/')
      this.slowest = Math.max(this.slowest, performance.now() - Number(sentAt))
      side.heard++
    })
    return side
  }
}
