import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { Share } from '../byte-budget.js'
import type { EndpointContext } from '../endpoint.js'
import { Pace } from '../pace.js'
import { Slowdown } from '../slowdown.js'

/** Whose messages they are. */
export interface InboxOwner {
  /** Set whenever anything was received. */
  heard: boolean
  /** Takes a message; `done` lets the next one be looked at. */
  take(data: Buffer, binary: boolean, done: () => void): void
  /** It has been slowed for too long. */
  tooFast(): void
  /** Memory is short, and stays so while a large message of it waits for its end. */
  tooLarge(): void
}

// as much as one read from the kernel delivers
const smallMessage = 64 * 1024
// so long a large message may wait while memory is short
const patience = 5_000

/**
 * The messages of one introduction socket: one after the other, and no faster than allowed. While
 * one is worked on, or the client is slowed, the socket is not read.
 */
export class Inbox {
  readonly #keyPace: Pace
  readonly #messagePace: Pace
  readonly #slowdown: Slowdown
  readonly #share: Share
  /** What was read together with a message that is worked on; pings, too, are answered in order. */
  #waiting: ({ data: Buffer; binary: boolean } | { ping: Buffer })[] = []
  /** Bytes of a message that is not complete. */
  #unfinished = 0
  #busy = false
  /** Since when it is not read because memory is short. */
  #shortSince: number | undefined
  #closed = false

  constructor(
    private readonly ws: WebSocket,
    socket: Socket,
    private readonly context: EndpointContext,
    private readonly owner: InboxOwner,
  ) {
    const { settings, budget } = context
    this.#keyPace = new Pace(settings.keysPerSecond, settings.keysBurst)
    this.#messagePace = new Pace(settings.messagesPerSecond, settings.messagesBurst)
    this.#slowdown = new Slowdown(settings.slowedTime, () => this.#next())
    this.#share = new Share(budget)
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk.length))
    socket.once('close', () => this.#share.set(0))
    ws.on('message', (data, binary) => this.#receive(data, binary))
    ws.on('ping', (ping) => {
      if (this.#closed) return
      this.#waiting.push({ ping })
      this.#next()
    })
    ws.on('pong', () => this.chargeMessage())
  }

  /** A Join or Leave costs a key each, and at most as many as a session may have. */
  chargeKeys(keys: number): void {
    const most = this.context.settings.maxKeysPerPeer
    this.#charge(this.#keyPace, Math.min(Math.max(1, keys), most))
  }

  /** Any other message costs one. */
  chargeMessage(): void {
    this.#charge(this.#messagePace, 1)
  }

  beat(): void {
    if (this.#shortSince === undefined) return
    if (!this.context.budget.over) {
      this.#shortSince = undefined
      this.#next()
    } else if (performance.now() - this.#shortSince > patience) {
      this.owner.tooLarge()
    }
  }

  /** Looks at nothing any more; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#waiting = []
    this.#slowdown.stop()
    this.ws.resume()
  }

  #arrived(bytes: number): void {
    this.owner.heard = true
    if (this.#closed) return
    this.#unfinished += bytes
    if (this.#unfinished <= smallMessage) return
    this.#share.set(this.#unfinished)
    if (!this.context.budget.over) return
    this.#shortSince ??= performance.now()
    this.ws.pause()
  }

  #receive(data: RawData, binary: boolean): void {
    this.#unfinished = 0
    this.#share.set(0)
    this.#shortSince = undefined
    if (this.#closed) return
    this.context.outcomes.introductionMessages++
    this.#waiting.push({ data: data as Buffer, binary })
    this.#next()
  }

  #next(): void {
    while (!this.#busy && !this.#slowdown.active && !this.#closed) {
      const message = this.#waiting.shift()
      if (!message) break
      if ('ping' in message) {
        this.ws.pong(message.ping)
        this.chargeMessage()
        continue
      }
      this.#busy = true
      let atOnce = true
      this.owner.take(message.data, message.binary, () => {
        this.#busy = false
        if (!atOnce) this.#next()
      })
      atOnce = false
    }
    if (this.#closed) return
    const waits = this.#busy || this.#slowdown.active || this.#shortSince !== undefined
    if (waits && !this.ws.isPaused) this.ws.pause()
    else if (!waits && this.ws.isPaused) {
      // silence while it was not read does not count
      this.owner.heard = true
      this.ws.resume()
    }
  }

  #charge(pace: Pace, tokens: number): void {
    const wait = pace.spend(tokens)
    if (wait === 0 || this.#closed) return
    if (this.#slowdown.start(wait)) this.ws.pause()
    else this.owner.tooFast()
  }
}
