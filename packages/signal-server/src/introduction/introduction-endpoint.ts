import { CloseCode } from 'signal-server-protocol'
import type { Claim } from '../authorize.js'
import { RemoteIntroductions } from './cluster/remote-introductions.js'
import type { Endpoint, EndpointContext, Upgrade } from '../endpoint.js'
import { addressShare } from '../limits/address-share.js'
import { Amounts } from '../limits/amounts.js'
import { log } from '../log.js'
import { segmentsBelow } from '../upgrade/path.js'
import { isLinkSession, offeredLink } from '../upgrade/link-offer.js'
import { WebSocketAcceptor } from '../upgrade/web-socket-acceptor.js'
import { LocalIntroductions } from './cluster/local-introductions.js'
import type { Dialect, Request } from './dialects/dialect.js'
import { Introducer } from './sessions/introducer.js'
import { introductionOf } from './sessions/introductions.js'
import { Requests } from './requests.js'
import { Session, type SessionHandler } from './sessions/session.js'
import { SlicedWork, type Steps } from '../limits/sliced-work.js'
import { Realms } from './sessions/realms.js'

/** `/introduction/:localId`: peers that share a key are told of each other. */
export class IntroductionEndpoint implements Endpoint, SessionHandler {
  readonly name = 'introduction'
  readonly work = new SlicedWork()
  readonly #realms = new Realms<Session>()
  readonly #sessions = new Set<Session>()
  readonly #registrations: Amounts
  readonly #acceptor: WebSocketAcceptor
  readonly #remote: RemoteIntroductions | undefined
  readonly #requests: Requests
  readonly #introduced = (app: string, ids: readonly [string, string], keys: readonly string[]) => {
    this.context.outcomes.count('introduced')
    this.context.events.emit('introduction', { app, ids, keys })
  }
  readonly #introducer = new Introducer(this.#realms, this.work, this.#introduced)
  /** Everybody is being sent away: nobody need hear of who has gone first. */
  #ending = false

  /** @param v1 - the dialect of clients that offer the subprotocol `signal.v1` */
  constructor(
    private readonly context: EndpointContext,
    private readonly v1: Dialect,
  ) {
    const { maxMessageBytes, maxRegistrations } = context.settings
    const perAddress = Math.ceil(maxRegistrations * addressShare(context.settings))
    const registrations = new Amounts(maxRegistrations, perAddress)
    this.#registrations = registrations
    this.#acceptor = new WebSocketAcceptor(context, { maxMessageBytes, autoPong: false })
    const local = new LocalIntroductions(
      this.#realms,
      v1,
      this.work,
      this.#introducer,
      this.#introduced,
    )
    const { instances } = context
    const remote = instances && new RemoteIntroductions(instances, local)
    const introducer = this.#introducer
    this.#requests = new Requests(context, {
      realms: this.#realms,
      registrations,
      v1,
      introducer,
      remote,
    })
    this.#remote = remote
    this.#introducer.remote = remote
  }

  match(path: string): Claim | undefined {
    const segments = segmentsBelow('/introduction', path, 1, this.context.settings.maxKeyBytes)
    return segments && { endpoint: this.name, localId: segments[0]! }
  }

  accept(upgrade: Upgrade): void {
    const { app, claim, grant, v1, socket, place, address } = upgrade
    const id = claim.localId!
    const ws = this.#acceptor.accept(upgrade)
    if (!ws) return
    const realm = this.#realms.enter(app)
    const dialect = v1 ? this.v1 : undefined
    const shed = () => session.end(CloseCode.tryLater, 'session_shed')
    const registered = this.#registrations.enter(address, shed)
    place.shed = shed
    const link = offeredLink(upgrade, isLinkSession)
    const parts = { id, realm, grant, ws, socket, dialect, link, place, registered }
    const session: Session = new Session(parts, this.context, this)
    this.#sessions.add(session)
    log.introduction('%s has come (%s)', id, dialect?.name ?? 'dialect not known yet')
    this.context.events.emit('session', { app, id })
  }

  carryOut(session: Session, request: Request): Steps {
    return this.#requests.carryOut(session, request)
  }

  gone(session: Session): void {
    const { realm, id, startedAt } = session
    this.#sessions.delete(session)
    this.work.run(this.#leaving(session), undefined, { of: session.group })
    const lasted = Date.now() - startedAt
    this.context.events.emit('sessionEnd', { app: realm.app, id, lasted })
  }

  *#leaving(session: Session): Steps {
    const { realm } = session
    const left = yield* realm.remove(session)
    this.#realms.tidy(realm)
    const telling = this.#requests.left(session, left)
    if (!this.#ending) yield* telling
  }

  /**
   * Introduces a peer to another once more, where both still want the key.
   * @returns false if no other instance can have one of them
   */
  introduceAgain(app: string, to: string, about: string, key: string): boolean {
    const realm = this.#realms.get(app)
    const target = realm?.peers.get(to)?.sessionFor(key)
    const other = realm?.peers.get(about)?.sessionFor(key)
    if (target && other) {
      target.tell({ ...introductionOf(other, [key]), again: true })
      this.#introduced(app, [to, about], [key])
      return true
    }
    // one of them may be on another instance
    this.#remote?.introduceAgain(app, key, to, about)
    return this.#remote !== undefined
  }

  drain(): Promise<void> {
    this.#ending = true
    for (const session of this.#sessions) session.end(CloseCode.restarting, 'restarted')
    return Promise.resolve()
  }

  close(): void {
    this.#ending = true
    this.work.close()
    for (const session of this.#sessions) session.destroy()
    this.#introducer.close()
    this.#remote?.close()
    this.#acceptor.close()
  }

  stats(): Record<string, number> {
    return { sessions: this.#sessions.size, ...this.#realms.stats() }
  }

  get limits(): Record<string, number> {
    return { registrations: this.#registrations.max }
  }
}
