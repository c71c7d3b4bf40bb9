import { errorSentence, type Json } from 'signal-server-protocol'
import type { RemoteIntroductions } from './cluster/remote-introductions.js'
import type { RemotePeer } from '../cluster/remote-peers.js'
import type { EndpointContext } from '../endpoint.js'
import type { Amounts } from '../limits/amounts.js'
import { log } from '../log.js'
import type { Dialect, Request } from './dialects/dialect.js'
import type { Introducer } from './sessions/introducer.js'
import { tellOthers } from './sessions/introductions.js'
import { JoinLimits } from './join-limits.js'
import type { Session } from './sessions/session.js'
import type { Steps } from '../limits/sliced-work.js'
import type { Left } from './sessions/realm.js'
import type { Realms } from './sessions/realms.js'

/** Where requests are carried out. */
export interface RequestPlace {
  readonly realms: Realms<Session>
  /** The keys of all sessions, which are limited. */
  readonly registrations: Amounts
  /** The dialect that knows more than Introductions. */
  readonly v1: Dialect
  readonly introducer: Introducer
  /** The other instances, where there are some. */
  readonly remote: RemoteIntroductions | undefined
}

/** Carries out what sessions ask for. */
export class Requests {
  readonly #limits: JoinLimits

  constructor(
    private readonly context: EndpointContext,
    private readonly place: RequestPlace,
  ) {
    this.#limits = new JoinLimits(context, place)
  }

  *carryOut(session: Session, request: Request): Steps {
    switch (request.type) {
      case 'join':
        return yield* this.#join(session, request.keys)
      case 'leave':
        return yield* this.#leave(session, request.keys)
      case 'announce':
        return yield* this.#announce(session, request.info)
      case 'signal':
        return yield* this.#signal(session, request.to, request.signal)
      case 'ping':
        return session.tell({ type: 'pong' })
      case 'nothing':
    }
  }

  /**
   * A session has left keys.
   * @returns the steps that tell everyone here who is concerned
   */
  left(session: Session, { keys, heirs, held }: Left<Session>): Steps {
    const { remote } = this.place
    const { realm, id } = session
    if (keys.length > 0) {
      this.context.outcomes.count('departed')
      this.context.events.emit('departure', { app: realm.app, id, keys })
      remote?.leave(realm.app, id, keys)
    }
    const { introducer } = this.place
    const inherited: string[] = []
    for (const all of heirs.values()) {
      const now = all.filter((key) => introducer.admit(realm.app, id, key, true, true))
      inherited.push(...now)
      remote?.renew(realm.app, id, now)
      const waits = (key: string) => introducer.isDelayed(realm.app, id, key)
      remote?.renew(realm.app, id, all.filter(waits), 'state')
    }
    remote?.passOn(realm.app, id, held)
    // what it wants on another instance too, it has not left
    const isGone = (key: string) =>
      !remote?.has(realm.app, id, key) && introducer.leaves(realm.app, id, key)
    return this.#tellLeft(session, keys.filter(isGone), inherited)
  }

  *#join(session: Session, keys: string[]): Steps {
    yield* this.#waitForBus(session, keys)
    if (!session.open) return
    const joined = this.#limits.allowed(session, keys)
    if (joined.length === 0) return
    const { remote } = this.place
    const { realm, peer } = session
    const known = new Set(joined.filter((key) => peer.has(key)))
    const taken = joined.filter((key) => !session.keys.has(key))
    realm.join(session, joined)
    this.context.outcomes.count('joined')
    log.introduction('%s joins %d keys', session.id, joined.length)
    if (remote) {
      const fresh = joined.filter((key) => !known.has(key))
      remote.join(realm.app, session.id, joined, fresh)
    }
    yield* this.place.introducer.join(session, joined, known, taken)
  }

  *#tellLeft({ realm, id }: Session, gone: string[], inherited: string[]): Steps {
    const { introducer } = this.place
    const isGone = (key: string) => !introducer.isShown(realm.app, id, key)
    if (gone.length > 0) {
      yield* tellOthers(realm, id, gone, isGone, (keys) => ({ type: 'departure', id, keys }))
    }
    introducer.introduce(realm.app, id, inherited)
  }

  *#leave(session: Session, keys: string[]): Steps {
    yield* this.#waitForBus(session, keys)
    log.introduction('%s leaves %d keys', session.id, keys.length)
    yield* this.left(session, session.realm.leave(session, keys))
  }

  *#waitForBus({ registered }: Session, { length }: string[]): Steps {
    const { remote } = this.place
    if (remote) yield* remote.waiting.wait(registered.address, length)
  }

  *#announce(session: Session, info: Json): Steps {
    const { maxInfoBytes } = this.context.settings
    if (Buffer.byteLength(JSON.stringify(info)) > maxInfoBytes) {
      const message = `${errorSentence.info_too_big} At most ${maxInfoBytes} bytes of JSON.`
      session.tell({ type: 'error', code: 'info_too_big', message })
      return
    }
    session.announce(info)
    const { id, realm, peer, announcement } = session
    const newest = [...session.keys].filter((key) => peer.newestWith(key) === session)
    const { remote } = this.place
    const what = { info, announced: announcement!.at }
    if (remote) yield* remote.announce(realm.app, id, newest, what)
    // what waits to be introduced is introduced with it
    const isShown = (key: string) =>
      peer.sessionFor(key) === session &&
      session.announcement === announcement &&
      !this.place.introducer.isDelayed(realm.app, id, key)
    const keys = newest.filter(isShown)
    yield* tellOthers(realm, id, keys, isShown, (common) => ({
      type: 'update',
      id,
      info,
      keys: common,
    }))
  }

  /** Brings a Signal to the newest session of a peer that shares a key with this one and reads it. */
  *#signal(session: Session, to: string, signal: Json): Steps {
    const { remote, v1 } = this.place
    const { realm, keys } = session
    let shared = false
    let receiver: Session | undefined
    let remotePeer: RemotePeer | undefined
    let looked = 0
    for (const key of to === session.id ? [] : keys) {
      if (++looked % keysAtOnce === 0) yield
      for (const peer of remote?.all(realm.app, to, key) ?? []) {
        shared = true
        if (peer.reads !== undefined && peer.reads > (remotePeer?.reads ?? 0)) remotePeer = peer
      }
      const target = realm.peers.get(to)
      if (!target?.has(key)) continue
      shared = true
      const reader = target.newestWith(key, ({ dialect, open }) => open && dialect === v1)
      if (reader && reader.arrival > (receiver?.arrival ?? 0)) receiver = reader
    }
    if (remotePeer && remotePeer.reads! > (receiver?.arrival ?? 0)) {
      return remote?.signal(remotePeer, session.id, signal)
    }
    if (receiver) return receiver.tell({ type: 'signal', from: session.id, signal })
    const code = shared ? 'not_supported' : 'unknown_peer'
    session.tell({ type: 'error', code, message: errorSentence[code], id: to })
  }
}

// so many keys are looked at between two looks at the clock
const keysAtOnce = 256
