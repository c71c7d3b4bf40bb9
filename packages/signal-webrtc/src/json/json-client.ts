import type { Socket } from 'node:net'
import { CloseCode, closeReason } from 'signal-protocol'
import {
  Pace,
  Slowdown,
  type EndpointContext,
  type Grant,
  type Outcome,
  type Pulse,
} from 'signal-server'
import { v4 as uuid } from 'uuid'
import type { WebSocket } from 'ws'
import type { Fields } from './fields.js'
import { Refusal } from './refusal.js'

/** How much a client may send. */
export interface Rate {
  /** Messages a second; one of more than 4 KiB counts as several. @default 100 */
  messagesPerSecond?: number
  /** Messages at once, before the rate counts. @default 1000 */
  messagesBurst?: number
}

// one who joins thirty others sends each an offer and its candidates, all at once
export const defaultRate: Required<Rate> = { messagesPerSecond: 100, messagesBurst: 1_000 }

/** What a message counts as, by its size in bytes. */
export const weight = (bytes: number): number => 1 + Math.floor(bytes / 4_096)

/** Who looks at what a client sends. */
export interface JsonClientHandler {
  received(client: JsonClient, data: Uint8Array): void
  gone(client: JsonClient): void
}

/**
 * A WebSocket whose every message is a JSON object: slowed where it sends too fast, ended where it
 * does not read, pinged where it is silent.
 */
export class JsonClient implements Pulse {
  /** Made by the server: no client can choose it, or have another's. */
  readonly id = uuid()
  heard = true
  lastHeard = 0
  pingedAt = 0

  readonly #pace: Pace
  readonly #slowdown: Slowdown
  #inbox: Uint8Array[] = []
  #gone = false
  #badMessages = 0
  #counted = 0

  constructor(
    readonly grant: Grant,
    private readonly ws: WebSocket,
    socket: Socket,
    private readonly context: EndpointContext,
    private readonly handler: JsonClientHandler,
    private readonly log: (format: string, ...values: unknown[]) => void,
    { messagesPerSecond, messagesBurst }: Required<Rate>,
  ) {
    const { settings, heartbeat, outcomes } = context
    this.#pace = new Pace(messagesPerSecond, messagesBurst)
    this.#slowdown = new Slowdown(settings.slowedTime, () => this.#next())
    heartbeat.add(this)
    socket.on('data', () => (this.heard = true))
    ws.on('message', (data) => {
      this.#inbox.push(data as Buffer)
      this.#next()
    })
    ws.on('ping', () => this.charge(1))
    ws.on('error', (error) => {
      outcomes.count('protocol_error')
      log('%s: %s', this.id, error.message)
    })
    ws.on('close', (code) => {
      log('%s closed (%d)', this.id, code)
      this.#leave()
    })
  }

  /** Whether it still takes part. */
  get open(): boolean {
    return !this.#gone
  }

  send(message: Fields): void {
    this.sendText(JSON.stringify(message))
  }

  /**
   * Sends what another client has to say to this one.
   * @throws Refusal where too much waits for it already: nobody is ended for what others send
   */
  deliver(message: Fields): void {
    if (this.ws.bufferedAmount > this.context.settings.maxQueuedBytes / 4) {
      throw new Refusal('rate_limited', 'That peer has not read what was sent to it before.')
    }
    this.send(message)
  }

  /** Sends what is encoded already. */
  sendText(message: string): void {
    if (this.#gone) return
    this.ws.send(message)
    const queued = this.ws.bufferedAmount
    this.#count(queued)
    if (queued > this.context.settings.maxQueuedBytes) this.end(CloseCode.tryLater, 'slow_reader')
  }

  /** Counts so many messages against its rate; above that it is not read for a while. */
  charge(messages: number): void {
    const wait = this.#pace.spend(messages)
    if (wait === 0 || this.#gone) return
    if (this.#slowdown.start(wait)) this.ws.pause()
    else this.end(CloseCode.tooMany, 'rate_limited')
  }

  /** Counts a message that could not be understood; too many of them end it. */
  countBadMessage(): void {
    this.context.outcomes.count('bad_message')
    if (++this.#badMessages < this.context.settings.maxBadMessages) return
    this.end(CloseCode.badMessage, 'too_many_bad_messages')
  }

  /** Closes it with a code; it takes part no longer, from this moment on. */
  end(code: CloseCode, outcome: Outcome): void {
    if (this.#gone) return
    this.context.outcomes.count(outcome)
    this.log('%s ends: %s', this.id, outcome)
    this.ws.resume()
    this.ws.close(code, closeReason[code])
    this.#leave()
  }

  /** Ends it without a word. */
  destroy(): void {
    this.ws.terminate()
    this.#leave()
  }

  ping(): boolean {
    // while it is not read, its pong could not be seen
    if (this.#gone || this.ws.isPaused) return false
    this.ws.ping()
    return true
  }

  lapsed(): void {
    if (this.ws.isPaused) return
    this.context.outcomes.count('half_open')
    this.log('%s is silent: given up', this.id)
    this.destroy()
  }

  beat(now: number): void {
    this.#count(this.ws.bufferedAmount)
    const { expiresAt = Infinity, revoked } = this.grant
    if (now >= expiresAt || revoked?.aborted) this.end(CloseCode.unauthorized, 'grant_ended')
  }

  /** Looks at the messages that have come: one chunk from the network may hold many. */
  #next(): void {
    while (!this.#slowdown.active && !this.#gone) {
      const message = this.#inbox.shift()
      if (!message) break
      this.charge(weight(message.length))
      this.handler.received(this, message)
    }
    if (!this.#gone && !this.#slowdown.active && this.ws.isPaused) this.ws.resume()
  }

  /** Keeps the budget in step with what is queued here. */
  #count(queued: number): void {
    const now = this.#gone ? 0 : queued
    const more = now - this.#counted
    if (more === 0) return
    this.#counted = now
    this.context.budget.add(more)
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#inbox = []
    this.#slowdown.stop()
    this.#count(0)
    this.context.heartbeat.remove(this)
    this.handler.gone(this)
  }
}
