import type { Socket } from 'node:net'
import { CloseCode, closeReason, type Json } from 'signal-protocol'
import type { WebSocket } from 'ws'
import type { Grant } from '../authorize.js'
import type { EndpointContext } from '../endpoint.js'
import type { Pulse } from '../heartbeat.js'
import { log } from '../log.js'
import { Pace } from '../pace.js'
import { Slowdown } from '../slowdown.js'
import type { Outcome } from '../stats.js'
import { detectDialect } from './dialects/detect.js'
import { BadMessage, type Dialect, type Notice, type Request } from './dialects/dialect.js'
import type { Member, Peer } from './peer.js'
import type { World } from './world.js'

/** Who carries out what a session asks for; `done` lets its next message be looked at. */
export interface SessionHandler {
  request(session: Session, request: Request, done: () => void): void
  gone(session: Session): void
}

// what is queued for one socket in one turn of the event loop goes out in one write, up to this
const corkedBytes = 64 * 1024

/** One introduction socket of a peer: its dialect, its keys, its pace and its queue. */
export class Session implements Pulse, Member {
  readonly keys = new Set<string>()
  readonly peer: Peer<Session>
  info: Json | undefined
  heard = true
  lastHeard = 0
  pingedAt = 0
  /** When it came, in milliseconds since 1970. */
  readonly startedAt = Date.now()

  readonly #keyPace: Pace
  readonly #messagePace: Pace
  readonly #slowdown: Slowdown
  #inbox: { data: Buffer; binary: boolean }[] = []
  #busy = false
  #gone = false
  #corked = false
  #badMessages = 0
  #counted = 0

  constructor(
    readonly id: string,
    readonly world: World<Session>,
    readonly grant: Grant,
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    private readonly context: EndpointContext,
    private readonly handler: SessionHandler,
    public dialect: Dialect | undefined,
  ) {
    const { settings, heartbeat } = context
    this.#keyPace = new Pace(settings.keysPerSecond, settings.keysBurst)
    this.#messagePace = new Pace(settings.messagesPerSecond, settings.messagesBurst)
    this.#slowdown = new Slowdown(settings.slowedTime, () => this.#next())
    this.peer = world.add(this)
    heartbeat.add(this)
    socket.on('data', () => (this.heard = true))
    ws.on('message', (data, binary) => this.#receive(data as Buffer, binary))
    ws.on('ping', () => this.#charge(this.#messagePace, 1))
    ws.on('error', (error) => {
      context.outcomes.count('protocol_error')
      log.introduction('%s: %s', this.id, error.message)
    })
    ws.on('close', (code) => {
      log.introduction('%s closed (%d)', this.id, code)
      this.#leave()
    })
    this.tell({ type: 'welcome', id })
  }

  /** Whether it still takes part. */
  get open(): boolean {
    return !this.#gone
  }

  /** Sends a notice in the session's dialect; one that the dialect has no words for is left out. */
  tell(notice: Notice): void {
    const data = this.open ? this.dialect?.encode(notice) : undefined
    if (data !== undefined) this.send(data)
  }

  /** Sends what the session's dialect has encoded. */
  send(data: string | Buffer): void {
    if (this.#gone) return
    if (!this.#corked) {
      this.#corked = true
      this.socket.cork()
      process.nextTick(() => this.#flush())
    }
    this.ws.send(data)
    const queued = this.ws.bufferedAmount
    if (queued > corkedBytes) this.#flush()
    if (queued > this.context.settings.maxQueuedBytes) this.end(CloseCode.tryLater, 'slow_reader')
  }

  /** Whether so much is queued that long work for this session had better wait. */
  get congested(): boolean {
    return this.ws.bufferedAmount > this.context.settings.maxQueuedBytes / 2
  }

  /** Resolves when the queue has been written, or the session is over. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        this.socket.off('drain', settle)
        this.socket.off('close', settle)
        resolve()
      }
      this.socket.on('drain', settle)
      this.socket.on('close', settle)
      if (this.socket.destroyed) settle()
    })
  }

  /** Closes it with a code; it takes part no longer, from this moment on. */
  end(code: CloseCode, outcome: Outcome): void {
    if (this.#gone) return
    this.context.outcomes.count(outcome)
    log.introduction('%s ends: %s', this.id, outcome)
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
    log.introduction('%s is silent: given up', this.id)
    this.destroy()
  }

  beat(now: number): void {
    this.#count(this.ws.bufferedAmount)
    const { expiresAt = Infinity, revoked } = this.grant
    if (now >= expiresAt || revoked?.aborted) this.end(CloseCode.unauthorized, 'grant_ended')
  }

  #receive(data: Buffer, binary: boolean): void {
    if (this.#gone) return
    this.context.outcomes.introductionMessages++
    this.#inbox.push({ data, binary })
    this.#next()
  }

  /** Looks at the messages that have come, one after the other. */
  #next(): void {
    while (!this.#busy && !this.#slowdown.active && !this.#gone) {
      const message = this.#inbox.shift()
      if (!message) break
      this.#handle(message.data, message.binary)
    }
    if (this.#gone) return
    const waits = this.#busy || this.#slowdown.active
    if (waits && !this.ws.isPaused) this.ws.pause()
    else if (!waits && this.ws.isPaused) this.ws.resume()
  }

  #handle(data: Buffer, binary: boolean): void {
    let requests: Request[]
    try {
      this.dialect ??= detectDialect(data, binary)
      requests = this.dialect?.decode(data, binary) ?? []
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      return this.#bad(error)
    }
    this.#charge(this.#messagePace, requests.some(isAboutKeys) ? 0 : 1)
    for (const request of requests) {
      if (isAboutKeys(request)) this.#charge(this.#keyPace, request.keys.length)
    }
    this.#run(requests)
  }

  #run([request, ...rest]: Request[]): void {
    if (!request || this.#gone) return
    this.#busy = true
    let atOnce = true
    this.handler.request(this, request, () => {
      this.#busy = false
      this.#run(rest)
      if (!atOnce) this.#next()
    })
    atOnce = false
  }

  #bad(error: BadMessage): void {
    this.#badMessages++
    this.context.outcomes.count('bad_message')
    log.introduction('%s sent a bad message: %s', this.id, error.message)
    this.tell({ type: 'error', code: 'bad_message', message: error.message })
    this.#charge(this.#messagePace, 1)
    if (this.#badMessages >= this.context.settings.maxBadMessages) {
      this.end(CloseCode.badMessage, 'too_many_bad_messages')
    }
  }

  #charge(pace: Pace, tokens: number): void {
    const wait = pace.spend(tokens)
    if (wait === 0 || this.#gone) return
    if (this.#slowdown.start(wait)) this.ws.pause()
    else this.end(CloseCode.tooMany, 'rate_limited')
  }

  #flush(): void {
    if (!this.#corked) return
    this.#corked = false
    this.socket.uncork()
    this.#count(this.ws.bufferedAmount)
  }

  /** Keeps the budget in step with what is queued here. */
  #count(queued: number): void {
    const now = this.#gone ? 0 : queued
    this.context.budget.add(now - this.#counted)
    this.#counted = now
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

const isAboutKeys = (request: Request) => request.type === 'join' || request.type === 'leave'
