import type { Socket } from 'node:net'
import { CloseCode, closeReason } from 'signal-server-protocol'
import {
  hasEnded,
  TokenBucket,
  Slowdown,
  type EndpointContext,
  type Grant,
  type Outcome,
  type Monitored,
} from 'signal-server'
import { v4 as uuid } from 'uuid'
import type { WebSocket } from 'ws'
import type { Fields } from './fields.js'
import { JsonInbox, type JsonInboxOwner } from './json-inbox.js'
import { JsonOutbox } from './json-outbox.js'
import { LifeCheck, type Probed } from './life-check.js'
import { tokensFor, weight, type Rate } from './rate.js'
import { Refusal } from './refusal.js'

/** Carries out what a client sends. */
export interface JsonClientHandler {
  /** Carries a message out, then calls `done`: only then the client's next one is looked at. */
  received(client: JsonClient, data: Uint8Array, done: () => void): void
  gone(client: JsonClient): void
}

/**
 * A WebSocket whose every message is a JSON object. The client is slowed if it sends too fast or
 * does not read its answers, ended if it reads nothing, and pinged if it is silent.
 */
export class JsonClient implements Monitored, Probed, JsonInboxOwner {
  /** Made by the server: no client can choose it, or have another's. */
  readonly id = uuid()
  heard = true
  lastHeard = 0
  pingedAt = 0

  readonly #bucket: TokenBucket
  readonly #slowdown: Slowdown
  readonly #lifeCheck = new LifeCheck(this)
  readonly #inbox: JsonInbox
  readonly #outbox: JsonOutbox
  #gone = false
  #badMessages = 0

  constructor(
    readonly grant: Grant,
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    private readonly context: EndpointContext,
    private readonly handler: JsonClientHandler,
    private readonly log: (format: string, ...values: unknown[]) => void,
    { messagesPerSecond, messagesBurst }: Required<Rate>,
  ) {
    const { settings, heartbeat, outcomes } = context
    this.#bucket = new TokenBucket(messagesPerSecond, messagesBurst)
    this.#slowdown = new Slowdown(settings.slowedTimeout, () => this.#inbox.next())
    this.#inbox = new JsonInbox(ws, socket, context.budget, this)
    this.#outbox = new JsonOutbox(ws, socket, context, () => this.#inbox.next())
    heartbeat.add(this)
    socket.on('data', () => {
      this.heard = true
      this.#lifeCheck.heard()
    })
    for (const event of ['ping', 'pong']) ws.on(event, () => this.charge(1))
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

  get paused(): boolean {
    return this.ws.isPaused
  }

  get queued(): number {
    return this.ws.bufferedAmount
  }

  get sent(): number {
    return this.#outbox.sent
  }

  /** Whether it has not read what was sent to it before: what it asks for waits. */
  get congested(): boolean {
    return this.#outbox.congested
  }

  get held(): boolean {
    return this.#slowdown.active || this.congested
  }

  take(message: Uint8Array, done: () => void): void {
    this.charge(weight(message.length))
    this.handler.received(this, message, done)
  }

  resumed(): void {
    this.heard = true
  }

  /** Sends a message at the server's expense, such as a greeting. */
  send(message: Fields): void {
    this.sendEncoded(JSON.stringify(message))
  }

  /** Sends what the client has asked for: a large answer counts as several messages of its own. */
  answer(message: Fields | Buffer): void {
    const encoded = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message))
    this.charge(tokensFor(encoded.length))
    this.sendEncoded(encoded)
  }

  /**
   * Sends what another client has to say to this one.
   * @throws Refusal if too much waits for it already: nobody is ended for what others send
   */
  deliver(message: Fields): void {
    if (this.congested) {
      throw new Refusal('rate_limited', 'That peer has not read what was sent to it before.')
    }
    this.send(message)
  }

  /** Sends JSON that is encoded already. */
  sendEncoded(message: string | Buffer): void {
    if (this.#gone) return
    this.#outbox.send(message)
    if (this.#outbox.full) this.end(CloseCode.tryLater, 'slow_reader')
  }

  /** Runs an act that sends many messages: they go out together. */
  together(act: () => void): void {
    this.socket.cork()
    try {
      act()
    } finally {
      this.socket.uncork()
    }
  }

  /** Counts so many messages against its rate; above that it is not read for a while. */
  charge(messages: number): void {
    const wait = this.#bucket.spend(messages)
    if (wait === 0 || this.#gone) return
    if (this.#slowdown.start(wait)) this.#inbox.pause()
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

  /**
   * Resolves when it is known that it lives, or when it was given up: for another client that asks
   * for its name, as after a network loss.
   */
  async prove(): Promise<void> {
    if (!(await this.#lifeCheck.lives()) && this.open) this.lapsed()
  }

  beat(now: number, elapsed: number): void {
    const waits = this.#outbox.beat(elapsed)
    if (hasEnded(this.grant, now)) this.end(CloseCode.unauthorized, 'grant_ended')
    // while what it asks for waits, it is not read, and its silence does not count
    else if (!waits) this.end(CloseCode.tryLater, 'slow_reader')
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#inbox.close()
    this.#slowdown.stop()
    this.#lifeCheck.stop()
    this.context.heartbeat.remove(this)
    this.handler.gone(this)
  }
}
