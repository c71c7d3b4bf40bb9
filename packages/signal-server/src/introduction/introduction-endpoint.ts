import { CloseCode, errorSentence, type ErrorCode, type Json } from 'signal-protocol'
import type { Claim } from '../authorize.js'
import { IntroductionsAcross } from '../bus/introductions-across.js'
import type { Endpoint, EndpointContext, Upgrade } from '../endpoint.js'
import { log } from '../log.js'
import { segmentsBelow } from '../path.js'
import { WebSocketAcceptor } from '../web-socket-acceptor.js'
import { Abroad } from './abroad.js'
import type { Dialect, Request } from './dialects/dialect.js'
import { depart, introduce, update } from './introductions.js'
import { Session, type SessionHandler } from './session.js'
import { SlicedWork } from './sliced-work.js'
import { World } from './world.js'

/** `/introduction/:localId`: peers that share a key are told of each other. */
export class IntroductionEndpoint implements Endpoint, SessionHandler {
  readonly name = 'introduction'
  readonly #worlds = new Map<string, World<Session>>()
  readonly #sessions = new Set<Session>()
  readonly #work = new SlicedWork()
  readonly #acceptor: WebSocketAcceptor
  readonly #abroad: Abroad
  readonly #across: IntroductionsAcross | undefined
  #registrations = 0

  /** @param v1 - the dialect of clients that offer the subprotocol `signal.v1` */
  constructor(
    private readonly context: EndpointContext,
    private readonly v1: Dialect,
  ) {
    const { maxMessageBytes, closeTime } = context.settings
    this.#acceptor = new WebSocketAcceptor({ maxMessageBytes, closeTime })
    this.#abroad = new Abroad(this.#worlds, v1, (app, to, about, keys) => {
      this.#introduced(app, [to, about], keys)
    })
    const { instances } = context
    this.#across = instances && new IntroductionsAcross(instances, this.#abroad)
  }

  match(path: string): Claim | undefined {
    const segments = segmentsBelow('/introduction', path, 1, this.context.settings.maxKeyBytes)
    return segments && { endpoint: this.name, localId: segments[0]! }
  }

  accept(upgrade: Upgrade): void {
    const { app, claim, grant, v1 } = upgrade
    const id = claim.localId!
    const ws = this.#acceptor.accept(upgrade)
    if (!ws) return
    let world = this.#worlds.get(app)
    if (!world) this.#worlds.set(app, (world = new World(app)))
    const dialect = v1 ? this.v1 : undefined
    const session = new Session(id, world, grant, ws, upgrade.socket, this.context, this, dialect)
    this.#sessions.add(session)
    log.introduction('%s has come (%s)', id, dialect?.name ?? 'dialect not known yet')
    this.context.events.emit('session', { app, id })
  }

  request(session: Session, request: Request, done: () => void): void {
    switch (request.type) {
      case 'join':
        return this.#join(session, request.keys, done)
      case 'leave':
        this.#left(session, request.keys)
        break
      case 'announce':
        return this.#announce(session, request.info, done)
      case 'signal':
        this.#signal(session, request.to, request.signal)
        break
      case 'ping':
        session.tell({ type: 'pong' })
        break
      case 'nothing':
        break
    }
    done()
  }

  gone(session: Session): void {
    const { world } = session
    this.#sessions.delete(session)
    this.#registrations -= session.keys.size
    const left = world.remove(session)
    if (world.peers.size === 0 && this.#worlds.get(world.app) === world) {
      this.#worlds.delete(world.app)
    }
    this.#tellDeparture(session, left)
    const lasted = Date.now() - session.startedAt
    this.context.events.emit('sessionEnd', { app: world.app, id: session.id, lasted })
  }

  /** Introduces a peer to another once more, where both still want the key. */
  introduceAgain(app: string, to: string, about: string, key: string): void {
    const world = this.#worlds.get(app)
    const target = world?.peers.get(to)?.sessionFor(key)
    const other = world?.peers.get(about)
    if (target && other?.has(key)) {
      target.tell({ type: 'introduction', id: about, keys: [key], info: other.info })
      this.#introduced(app, [to, about], [key])
    } else {
      // one of them may be elsewhere
      this.#across?.introduceAgain(app, key, to, about)
    }
  }

  drain(): Promise<void> {
    for (const session of this.#sessions) session.end(CloseCode.restarting, 'restarted')
    return Promise.resolve()
  }

  close(): void {
    this.#work.close()
    for (const session of this.#sessions) session.destroy()
    this.#work.close()
    this.#across?.close()
    this.#acceptor.close()
  }

  stats(): Record<string, number> {
    let peers = 0
    let keys = 0
    for (const world of this.#worlds.values()) {
      peers += world.peers.size
      keys += world.interests.keys
    }
    return { sessions: this.#sessions.size, peers, keys, registrations: this.#registrations }
  }

  #join(session: Session, keys: string[], done: () => void): void {
    const joined = this.#admitted(session, keys)
    if (joined.length === 0) return done()
    const { world } = session
    const before = session.keys.size
    const fresh = this.#across ? joined.filter((key) => !session.peer.has(key)) : []
    world.join(session, joined)
    this.#registrations += session.keys.size - before
    this.context.outcomes.count('joined')
    log.introduction('%s joins %d keys', session.id, joined.length)
    const told = (other: string, common: readonly string[]) =>
      this.#introduced(world.app, [session.id, other], common)
    this.#across?.join(world.app, this.#abroad.noticeOf(session.peer), joined, fresh)
    this.#work.run(introduce(session, joined, told), done)
  }

  /** Those of the keys that the session may join; it is told about the others. */
  #admitted(session: Session, keys: string[]): string[] {
    const { maxKeyBytes, maxKeysPerPeer, maxPeersPerKey, maxRegistrations } = this.context.settings
    const refuse = (code: ErrorCode, limit: string, about?: string[]) => {
      const message = limit ? `${errorSentence[code]} ${limit}` : errorSentence[code]
      session.tell({ type: 'error', code, message, ...(about && { keys: about }) })
      log.introduction('%s: Join refused, %s', session.id, code)
      return []
    }
    if (keys.some((key) => key.length > maxKeyBytes || Buffer.byteLength(key) > maxKeyBytes)) {
      return refuse('key_too_long', `At most ${maxKeyBytes} bytes.`)
    }
    let added = 0
    for (const key of keys) if (!session.keys.has(key)) added++
    if (session.keys.size + added > maxKeysPerPeer) {
      return refuse('too_many_keys', `At most ${maxKeysPerPeer}.`)
    }
    if (this.#registrations + added > maxRegistrations) return refuse('server_full', '')

    const { allowsKey } = session.grant
    const forbidden = allowsKey ? keys.filter((key) => !allowsKey(key)) : []
    if (forbidden.length > 0) refuse('forbidden', '', forbidden)
    const { interests } = session.world
    const full = keys.filter(
      (key) => interests.count(key) >= maxPeersPerKey && !interests.has(key, session.peer),
    )
    if (full.length > 0) refuse('room_full', `At most ${maxPeersPerKey} peers.`, full)
    if (forbidden.length === 0 && full.length === 0) return keys
    const refused = new Set([...forbidden, ...full])
    return keys.filter((key) => !refused.has(key))
  }

  #left(session: Session, keys: string[]): void {
    const before = session.keys.size
    const left = session.world.leave(session, keys)
    this.#registrations -= before - session.keys.size
    log.introduction('%s leaves %d keys', session.id, keys.length)
    this.#tellDeparture(session, left)
  }

  #tellDeparture(session: Session, keys: string[]): void {
    if (keys.length === 0) return
    const { world, id } = session
    this.context.outcomes.count('departed')
    this.context.events.emit('departure', { app: world.app, id, keys })
    this.#across?.leave(world.app, id, keys)
    // what it wants on another instance too, it has not left
    const gone = keys.filter((key) => !this.#across?.find(world.app, id, [key]))
    if (gone.length > 0) this.#work.run(depart(session, gone), () => {})
  }

  #announce(session: Session, info: Json, done: () => void): void {
    const { maxInfoBytes } = this.context.settings
    if (Buffer.byteLength(JSON.stringify(info)) > maxInfoBytes) {
      const message = `${errorSentence.info_too_big} At most ${maxInfoBytes} bytes of JSON.`
      session.tell({ type: 'error', code: 'info_too_big', message })
      return done()
    }
    session.info = info
    this.#across?.announce(session.world.app, session.id, info, session.keys)
    this.#work.run(update(session), done)
  }

  #signal(session: Session, to: string, signal: Json): void {
    const { world } = session
    const target = world.peers.get(to)
    // of a peer's sessions, the newest that can read signals and shares a key
    const heard = target?.sessions.filter((other) => sharesKey(session, other)) ?? []
    const receiver = heard.findLast((other) => other.dialect === this.v1)
    if (receiver && to !== session.id) {
      receiver.tell({ type: 'signal', from: session.id, signal })
      return
    }
    const remote = this.#across?.find(world.app, to, session.keys)
    if (remote?.v1 && to !== session.id) {
      this.#across?.signal(world.app, session.id, to, session.keys, signal)
      return
    }
    const known = (heard.length > 0 || remote) && to !== session.id
    const code = known ? 'not_supported' : 'unknown_peer'
    session.tell({ type: 'error', code, message: errorSentence[code], id: to })
  }

  #introduced(app: string, ids: readonly [string, string], keys: readonly string[]): void {
    this.context.outcomes.count('introduced')
    this.context.events.emit('introduction', { app, ids, keys })
  }
}

/** Whether a peer's session and another peer's session have a key in common. */
function sharesKey(session: Session, other: Session): boolean {
  for (const { keys } of session.peer.sessions) {
    const [few, many] = keys.size < other.keys.size ? [keys, other.keys] : [other.keys, keys]
    for (const key of few) if (many.has(key)) return true
  }
  return false
}
