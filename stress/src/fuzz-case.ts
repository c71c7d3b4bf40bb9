import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Target } from './target.js'
import { Random } from './random.js'
import { textFrame, wildFrames } from './generators/wild-frames.js'
import { wildHandshake, wildRequest, wildTarget } from './generators/wild-requests.js'
import { wildMessage } from './generators/wild-values.js'
import { someName, wordsAt, type Knowledge, type Words } from './generators/words.js'

const longest = 3_000

/** One client that behaves badly, and what it has come to know. */
class WildClient {
  readonly closed: Promise<unknown>
  readonly knows: Knowledge & { heard: string[] }
  readonly #socket: Socket
  #answered = () => {}

  constructor(
    private readonly random: Random,
    { port, token }: Pick<Target, 'port' | 'token'>,
  ) {
    this.knows = { me: someName(random), token, heard: [] }
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.#socket.on('error', () => {})
    this.closed = once(this.#socket, 'close').catch(() => {})
    const late = setTimeout(() => this.#socket.destroy(), longest)
    void this.closed.then(() => clearTimeout(late))
    // some read nothing
    if (random.chance(0.9)) this.#socket.on('data', (bytes) => this.#hear(bytes))
  }

  get open(): boolean {
    return this.#socket.writable
  }

  async connected(): Promise<void> {
    await Promise.race([once(this.#socket, 'connect'), this.closed]).catch(() => {})
  }

  /** Writes in any chunks. */
  write(bytes: Buffer): void {
    const { random } = this
    for (let at = 0; at < bytes.length;) {
      const size = random.chance(0.7) ? bytes.length : 1 + random.length(1_000)
      this.#socket.write(bytes.subarray(at, at + size))
      at += size
    }
  }

  /** Lets the server come to another state: until it answers, mostly. */
  async rest(milliseconds = 20): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#answered = resolve))
    await Promise.race([answered, this.closed, pause(milliseconds)])
  }

  async end(): Promise<void> {
    const { random } = this
    await Promise.race([this.closed, pause(random.below(50))])
    const ending = random.below(3)
    if (ending === 0) this.#socket.end()
    else if (ending === 1) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
    await this.closed
  }

  #hear(bytes: Buffer): void {
    this.#answered()
    // ids and tokens, which are longer than words
    for (const [, text] of bytes.toString('latin1').matchAll(/"([\w.-]{15,500})"/g)) {
      this.knows.heard.unshift(text!)
      this.knows.heard.length = Math.min(this.knows.heard.length, 20)
    }
  }
}

/**
 * One client that behaves badly: a request that may be spoilt, then frames that may be, in any
 * chunks, and an end of any kind. The same seed and number do the same again.
 */
export async function fuzzCase(
  target: Pick<Target, 'port' | 'token'>,
  seed: number,
  number: number,
): Promise<void> {
  const random = new Random(seed * 1_000_003 + number)
  const client = new WildClient(random, target)
  await client.connected()
  if (random.chance(0.1)) await request(random, client)
  else await converse(random, client)
  await client.end()
}

/** Plain HTTP, as socket.io speaks it by long polling: one request after the other. */
async function request(random: Random, client: WildClient): Promise<void> {
  const words = wordsAt('/socket.io')!
  for (let rounds = random.below(8); rounds > 0 && client.open; rounds--) {
    const { knows } = client
    const session = knows.heard.find((text) => text.length === 20) ?? ''
    const said = [...words.hello(knows), words.say(random, knows), words.say(random, knows)]
    const packets = Buffer.from(said.slice(random.below(3)).join('\x1e'))
    const body = random.chance(0.8) ? packets : wildMessage(random).data
    client.write(wildRequest(random, body, random.chance(0.9) ? session : 'nobody'))
    await client.rest()
  }
}

/** A WebSocket: before it takes part, and then. */
async function converse(random: Random, client: WildClient): Promise<void> {
  const target = wildTarget(random)
  const words = random.chance(0.8) ? wordsAt(target) : undefined
  client.write(wildHandshake(random, target, random.chance(words ? 0.1 : 0.3)))
  const greets = words && random.chance(0.9)
  for (const text of greets ? words.hello(client.knows) : []) {
    if (random.chance(0.9)) await client.rest(200)
    client.write(textFrame(random, text))
  }
  for (let rounds = random.below(words ? 20 : 4); rounds > 0 && client.open; rounds--) {
    if (random.chance(words ? 0.8 : 0.5)) await client.rest(words ? 60 : 20)
    client.write(utterance(random, client, words))
  }
}

function utterance(random: Random, { knows }: WildClient, words: Words | undefined): Buffer {
  if (random.chance(words ? 0.02 : 0.1)) return random.bytes(random.length(3_000))
  if (!words || random.chance(0.03)) return wildFrames(random)
  if (random.chance(0.93)) return textFrame(random, words.say(random, knows))
  return wildFrames(random, () => ({ data: Buffer.from(words.say(random, knows)), binary: false }))
}

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
