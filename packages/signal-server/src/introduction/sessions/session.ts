import type { Socket } from 'node:net'
import { CloseCode, closeReason, type Json } from 'signal-server-protocol'
import type { WebSocket } from 'ws'
import { hasEnded, type Grant } from '../../authorize.js'
import type { EndpointContext } from '../../endpoint.js'
import type { Monitored } from '../../limits/heartbeat.js'
import { Rank, type Holding } from '../../limits/holders.js'
import { log } from '../../log.js'
import type { Outcome } from '../../stats.js'
import { detectDialect } from '../dialects/detect.js'
import { BadMessage, type Dialect, type Notice, type Request } from '../dialects/dialect.js'
import { Inbox, type InboxOwner } from './inbox.js'
import { Outbox } from './outbox.js'
import type { Member, Peer } from './peer.js'
import type { SlicedWork, Steps } from '../../limits/sliced-work.js'
import type { Realm } from './realm.js'

/** Who carries out what a session asks for. */
export interface SessionHandler {
  readonly work: SlicedWork
  carryOut(session: Session, request: Request): Steps
  gone(session: Session): void
}

/** What a session is made of. */
export interface SessionParts {
  /** Of its peer. */
  readonly id: string
  readonly realm: Realm<Session>
  readonly grant: Grant
  readonly ws: WebSocket
  /** Below the WebSocket. */
  readonly socket: Socket
  /** Where it is known already. */
  readonly dialect: Dialect | undefined
  /** What it offered for the link protocol. */
  readonly link: string | undefined
  /** Its place among the sockets of the server. */
  readonly place: Holding
  /** Its part of the keys of all sessions. */
  readonly registered: Holding
}

/** What a session has announced. */
export interface Announcement {
  readonly info: Json
  /** On the instances' clock; 0 if there is one instance only. */
  readonly at: number
}

let arrivals = 0

/** One introduction socket of a peer. */
export class Session implements Monitored, Member, InboxOwner {
  readonly id: string
  readonly realm: Realm<Session>
  readonly grant: Grant
  readonly arrival: number
  readonly keys = new Set<string>()
  readonly registered: Holding
  readonly peer: Peer<Session>
  readonly link: string | undefined
  dialect: Dialect | undefined
  announcement: Announcement | undefined
  heard = true
  lastHeard = 0
  pingedAt = 0
  /** When it came, in milliseconds since 1970. */
  readonly startedAt = Date.now()

  readonly #place: Holding
  readonly #ws: WebSocket
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  #gone = false
  #badMessages = 0

  constructor(
    { id, realm, grant, ws, socket, dialect, link, place, registered }: SessionParts,
    private readonly context: EndpointContext,
    private readonly handler: SessionHandler,
  ) {
    this.id = id
    this.arrival = context.instances?.now() ?? ++arrivals
    this.realm = realm
    this.grant = grant
    this.dialect = dialect
    this.link = link
    this.registered = registered
    this.#place = place
    this.#ws = ws
    this.#inbox = new Inbox(ws, socket, context, this)
    this.#outbox = new Outbox(ws, socket, context, () => {
      this.end(CloseCode.tryLater, 'slow_reader')
    })
    this.peer = realm.add(this)
    context.heartbeat.add(this)
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

  /** What it has announced. */
  get info(): Json | undefined {
    return this.announcement?.info
  }

  /** The group whose work is done in turns with that of other groups: its address, or itself. */
  get group(): unknown {
    return this.#place.address ?? this
  }

  /** Whether it still takes part. */
  get open(): boolean {
    return !this.#gone
  }

  keysChanged(): void {
    this.registered.amount = this.keys.size
    this.#place.rank = this.keys.size > 0 ? Rank.active : Rank.waiting
  }

  announce(info: Json): void {
    this.announcement = { info, at: this.context.instances?.now() ?? 0 }
  }

  /** Sends a notice in the session's dialect; one that the dialect has no words for is left out. */
  tell(notice: Notice): void {
    const data = this.open ? this.dialect?.encode(notice) : undefined
    if (data !== undefined) this.send(data)
  }

  /** Sends what the session's dialect has encoded. */
  send(data: Buffer): void {
    if (this.open) this.#outbox.send(data, this.dialect!.binary)
  }

  /** Whether so much is queued that long work for this session had better wait. */
  get congested(): boolean {
    return this.open && this.#outbox.congested
  }

  /** Resolves when the queue has been written, or the session is over. */
  drained(): Promise<void> {
    return this.#outbox.drained()
  }

  /** Closes it with a code; it takes part no longer, from this moment on. */
  end(code: CloseCode, outcome: Outcome): void {
    if (this.#gone) return
    this.context.outcomes.count(outcome)
    log.introduction('%s ends: %s', this.id, outcome)
    this.#ws.close(code, closeReason[code])
    this.#leave()
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#ws.terminate()
    this.#leave()
  }

  ping(): boolean {
    // while it is not read, its pong could not be seen
    if (this.#gone || this.#ws.isPaused) return false
    this.#ws.ping()
    return true
  }

  lapsed(): void {
    if (this.#ws.isPaused) return
    this.context.outcomes.count('half_open')
    log.introduction('%s is silent: given up', this.id)
    this.destroy()
  }

  beat(now: number): void {
    this.#inbox.beat()
    this.#outbox.beat()
    if (hasEnded(this.grant, now)) this.end(CloseCode.unauthorized, 'grant_ended')
  }

  take(data: Buffer, binary: boolean, done: () => void): void {
    const { group: of } = this
    this.handler.work.run(this.#handle(data, binary), done, { of, bytes: data.length })
  }

  tooFast(): void {
    this.end(CloseCode.tooMany, 'rate_limited')
  }

  tooLarge(): void {
    this.end(CloseCode.tryLater, 'session_shed')
  }

  *#handle(data: Buffer, binary: boolean): Steps {
    if (this.#gone) return
    if (this.dialect && this.dialect.binary !== binary) {
      return this.end(CloseCode.unsupportedData, 'unsupported_data')
    }
    let requests: Request[]
    try {
      this.dialect ??= detectDialect(data, binary)
      requests = this.dialect?.decode(data) ?? []
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      return this.#bad(error)
    }
    if (!requests.some(isAboutKeys)) this.#inbox.chargeMessages(1)
    for (const request of requests) {
      if (isAboutKeys(request)) this.#inbox.chargeKeys(request.keys.length)
    }
    yield
    for (const request of requests) {
      if (this.open) yield* this.handler.carryOut(this, request)
    }
  }

  #bad(error: BadMessage): void {
    this.#badMessages++
    this.context.outcomes.count('bad_message')
    log.introduction('%s sent a bad message: %s', this.id, error.message)
    this.tell({ type: 'error', code: 'bad_message', message: error.message })
    this.#inbox.chargeMessages(1)
    if (this.#badMessages >= this.context.settings.maxBadMessages) {
      this.end(CloseCode.badMessage, 'too_many_bad_messages')
    }
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#inbox.close()
    this.context.heartbeat.remove(this)
    this.handler.gone(this)
  }
}

type AboutKeys = Extract<Request, { keys: string[] }>

const isAboutKeys = (request: Request): request is AboutKeys =>
  request.type === 'join' || request.type === 'leave'
