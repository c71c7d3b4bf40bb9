import { WebSocket } from 'ws'
import type { Random } from '../../../../stress/src/random.js'

/** What all clients of a campaign share. */
export interface Campaign {
  readonly random: Random
  /** What went wrong, in words. */
  readonly wrong: string[]
  /** Where to connect to. */
  place(): string
  /** Grows when all faults are over. */
  era: number
  over: boolean
}

/** What may end a connection without a word of its peer's. */
const told = [1006, 1012, 1013, 4408, 4409, 4410]
let sockets = 0

/** One socket of a {@link Wanderer}, with what the model knows of it. */
class Attempt {
  /** Tells it from all others; every message has it. */
  readonly tag = String(++sockets)
  sent = 0
  /** The one that it hears, and how much of it. */
  theirs: string | undefined
  heard = 0
  closing = false

  constructor(readonly ws: WebSocket) {}
}

/**
 * One of two clients that connect to each other again and again, from anywhere, and close when they
 * feel like it. What they hear must be what one socket of the other has sent, from its first
 * message on, in order; and all of it where that one's own close comes.
 */
export class Wanderer {
  /** Of which era the newest message is that has come. */
  heardEra = 0
  /** How many messages came in all. */
  heard = 0
  #other: Wanderer | undefined
  #attempt: Attempt | undefined
  #timer: NodeJS.Timeout | undefined
  #left = false
  /** What was heard of each socket of the other, and by which of its own. */
  readonly #heardOf = new Map<string, { by: string; count: number }>()

  constructor(
    private readonly campaign: Campaign,
    private readonly couple: string,
    private readonly side: 0 | 1,
  ) {}

  static couple(campaign: Campaign, name: string): [Wanderer, Wanderer] {
    const [one, two] = [new Wanderer(campaign, name, 0), new Wanderer(campaign, name, 1)]
    one.#other = two
    two.#other = one
    for (const each of [one, two]) each.#connect()
    return [one, two]
  }

  /** Whether it has no socket. */
  get gone(): boolean {
    return this.#attempt === undefined
  }

  /** Says a few things, or closes, or is cut off. */
  act(): void {
    const { random, over } = this.campaign
    const attempt = this.#attempt
    if (attempt?.ws.readyState !== WebSocket.OPEN) return
    for (let n = random.below(3); n >= 0; n--) this.#say(attempt)
    if (over) return
    if (attempt.heard > 0 && random.chance(0.01)) this.#close(attempt)
    else if (random.chance(0.003)) attempt.ws.terminate()
  }

  /** Closes for good. */
  leave(): void {
    this.#left = true
    clearTimeout(this.#timer)
    if (this.#attempt?.ws.readyState === WebSocket.OPEN) this.#close(this.#attempt)
  }

  end(): void {
    this.#left = true
    clearTimeout(this.#timer)
    this.#attempt?.ws.terminate()
  }

  get name(): string {
    return `${this.couple}/${this.side}`
  }

  #connect(): void {
    const [own, other] = [this.side, 1 - this.side]
    const url = `${this.campaign.place()}/connection/${own}/${other}/${this.couple}`
    const ws = new WebSocket(url, { handshakeTimeout: 3_000, perMessageDeflate: false })
    const attempt = (this.#attempt = new Attempt(ws))
    // all that goes wrong ends in a close
    ws.on('error', () => {})
    ws.on('open', () => this.#say(attempt))
    ws.on('message', (data: Buffer) => this.#hear(attempt, data.toString('latin1')))
    ws.on('close', (code, reason) => {
      this.#closed(attempt, code, reason.toString())
      this.#attempt = undefined
      if (this.#left) return
      this.#timer = setTimeout(() => this.#connect(), 10 + this.campaign.random.below(300))
    })
  }

  #say(attempt: Attempt): void {
    if (attempt.closing || attempt.ws.bufferedAmount > 200_000) return
    attempt.ws.send(this.#words(attempt.tag, attempt.sent++, this.campaign.era))
  }

  /** What a message has to be, to the byte. */
  #words(tag: string, n: number, era: number): string {
    return `${this.name}/${tag}/${n}/${era}/${'x'.repeat((n * 7_919) % 3_000)}`
  }

  #hear(attempt: Attempt, text: string): void {
    const [, , tag = '', n, era] = text.split('/')
    attempt.theirs ??= tag
    const expected = this.#other!.#words(attempt.theirs, attempt.heard, Number(era))
    if (text !== expected) {
      const heard = text.slice(0, 40)
      this.#complain(attempt, `heard ${heard}, not message ${attempt.heard} of ${attempt.theirs}`)
    }
    const of = this.#heardOf.get(tag) ?? { by: attempt.tag, count: 0 }
    if (of.by !== attempt.tag)
      this.#complain(attempt, `heard ${tag}, as ${of.by} had before (${n})`)
    of.count++
    this.#heardOf.set(tag, of)
    attempt.heard++
    this.heard++
    this.heardEra = Math.max(this.heardEra, Number(era))
  }

  /** The reason says how much the other one has to have heard. */
  #close(attempt: Attempt): void {
    if (attempt.closing) return
    attempt.closing = true
    attempt.ws.close(1000, `${attempt.tag} said ${attempt.sent}`)
  }

  #closed(attempt: Attempt, code: number, reason: string): void {
    const { tag, theirs, heard, sent } = attempt
    if (code !== 1000) {
      if (!told.includes(code)) this.#complain(attempt, `was closed with ${code}`)
      return
    }
    if (reason === `${tag} said ${sent}`) {
      // the other one has answered, and so has read all of it
      const read = this.#other!.#heardOf.get(tag)?.count
      if (read !== sent) this.#complain(attempt, `said ${sent}, of which ${read} were read`)
    } else if (reason !== `${theirs} said ${heard}`) {
      this.#complain(attempt, `heard ${heard} of ${theirs}; then that one closed: ${reason}`)
    }
  }

  #complain({ tag }: Attempt, what: string): void {
    this.campaign.wrong.push(`socket ${tag} of ${this.name} ${what}`)
  }
}
