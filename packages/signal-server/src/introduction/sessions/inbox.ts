import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { Arrivals } from '../../arrivals.js'
import type { EndpointContext } from '../../endpoint.js'
import { LastPong } from '../../last-pong.js'
import { TokenBucket } from '../../limits/token-bucket.js'
import { Slowdown } from '../../limits/slowdown.js'

/** Whose messages they are. */
export interface InboxOwner {
  /** Set whenever anything was received. */
  heard: boolean
  /** Takes a message; `done` lets the next one be looked at. */
  take(data: Buffer, binary: boolean, done: () => void): void
  /** It has been slowed for too long. */
  tooFast(): void
  /** Memory is short, and stays so while much of it waits. */
  tooLarge(): void
}

// as much as one read from the kernel delivers, with its overhead
const smallMessage = 72 * 1024
// so long more than that may wait while memory is short
const patience = 5_000

/**
 * The messages of one introduction socket: one after the other, and no faster than allowed. While
 * one is worked on, or the client is slowed, the socket is not read.
 */
export class Inbox {
  readonly #keyBucket: TokenBucket
  readonly #messageBucket: TokenBucket
  readonly #slowdown: Slowdown
  readonly #arrivals: Arrivals
  readonly #pong: LastPong
  #busy = false
  /** Whether it is not read because memory is short and much of it is kept. */
  #short = false
  /** When that began, for what is kept now: it may be read for a moment meanwhile. */
  #shortSince: number | undefined
  /** Pongs of the chunk that is being read. */
  #pongs = 0
  #closed = false

  constructor(
    private readonly ws: WebSocket,
    socket: Socket,
    private readonly context: EndpointContext,
    private readonly owner: InboxOwner,
  ) {
    const { settings, budget } = context
    this.#keyBucket = new TokenBucket(settings.keysPerSecond, settings.keysBurst)
    this.#messageBucket = new TokenBucket(settings.messagesPerSecond, settings.messagesBurst)
    this.#slowdown = new Slowdown(settings.slowedTimeout, () => this.#next())
    ws.on('message', () => {
      if (!this.#closed) context.outcomes.introductionMessages++
    })
    this.#pong = new LastPong(ws)
    this.#arrivals = new Arrivals(ws, socket, budget, () => this.#next())
    // after the arrivals have counted it
    socket.on('data', () => this.#arrived())
    ws.on('pong', () => this.#pongs++)
  }

  /** A Join or Leave costs a key each, and at most as many as a session may have. */
  chargeKeys(keys: number): void {
    const most = this.context.settings.maxKeysPerPeer
    this.#charge(this.#keyBucket, Math.min(Math.max(1, keys), most))
  }

  /** Any other message costs one, and so does a ping. */
  chargeMessages(count: number): void {
    this.#charge(this.#messageBucket, count)
  }

  beat(): void {
    if (!this.#short) return
    this.#look()
    if (!this.#short) this.#next()
    else if (performance.now() - this.#shortSince! > patience) this.owner.tooLarge()
  }

  /** Looks at nothing any more; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#slowdown.stop()
    this.#arrivals.close()
  }

  #arrived(): void {
    this.owner.heard = true
    if (this.#closed) return
    // together, for ten thousand may come in one chunk
    if (this.#pongs > 0) this.chargeMessages(this.#pongs)
    this.#pongs = 0
    this.#look()
    if (this.#short) this.#arrivals.pause()
  }

  /** Looks whether memory is short while much of this client is kept. */
  #look(): void {
    const large = this.#arrivals.cost > smallMessage
    this.#short = large && this.context.budget.over
    if (!large) this.#shortSince = undefined
    else if (this.#short) this.#shortSince ??= performance.now()
  }

  #next(): void {
    while (!this.#busy && !this.#slowdown.active && !this.#closed) {
      const arrival = this.#arrivals.take()
      if (!arrival) break
      if ('ping' in arrival) {
        this.#pong.answer(arrival.ping)
        this.chargeMessages(arrival.count)
        continue
      }
      this.#busy = true
      let atOnce = true
      this.owner.take(arrival.data, arrival.binary, () => {
        this.#busy = false
        this.#shortSince = undefined
        if (!atOnce) this.#next()
      })
      atOnce = false
    }
    if (this.#closed) return
    if (this.#short) this.#look()
    const waits = this.#busy || this.#slowdown.active || this.#short
    if (waits) this.#arrivals.pause()
    else if (this.ws.isPaused) {
      // silence while it was not read does not count
      this.owner.heard = true
      this.#arrivals.resume()
    }
  }

  #charge(bucket: TokenBucket, tokens: number): void {
    const wait = bucket.spend(tokens)
    if (wait === 0 || this.#closed) return
    if (this.#slowdown.start(wait)) this.#arrivals.pause()
    else this.owner.tooFast()
  }
}
