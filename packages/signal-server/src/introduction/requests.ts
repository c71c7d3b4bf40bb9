import { errorSentence, type Json } from 'signal-protocol'
import type { IntroductionsAcross } from '../bus/introductions-across.js'
import type { EndpointContext } from '../endpoint.js'
import type { Amounts } from '../limits/amounts.js'
import { log } from '../log.js'
import type { Dialect, Request } from './dialects/dialect.js'
import { depart, introduce, update } from './introductions.js'
import { JoinLimits } from './join-limits.js'
import type { Session } from './session.js'
import type { Steps } from '../sliced-work.js'
import type { Worlds } from './worlds.js'

/** Where requests are carried out. */
export interface RequestPlace {
  readonly worlds: Worlds<Session>
  /** The keys of all sessions, which are limited. */
  readonly registrations: Amounts
  /** The dialect that knows more than Introductions. */
  readonly v1: Dialect
  /** The other instances, where there are some. */
  readonly across: IntroductionsAcross | undefined
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
        return this.#signal(session, request.to, request.signal)
      case 'ping':
        return session.tell({ type: 'pong' })
      case 'nothing':
    }
  }

  /**
   * A session's peer has left keys.
   * @returns the steps that tell everyone here who is concerned
   */
  departed(session: Session, keys: string[]): Steps {
    if (keys.length === 0) return nothing()
    const { across } = this.place
    const { world, id } = session
    this.context.outcomes.count('departed')
    this.context.events.emit('departure', { app: world.app, id, keys })
    across?.leave(world.app, id, keys)
    // what it wants on another instance too, it has not left
    const gone = across ? keys.filter((key) => !across.has(world.app, id, key)) : keys
    return gone.length > 0 ? depart(session, gone) : nothing()
  }

  /** Counts and tells the app that two peers were introduced. */
  introduced(app: string, ids: readonly [string, string], keys: readonly string[]): void {
    this.context.outcomes.count('introduced')
    this.context.events.emit('introduction', { app, ids, keys })
  }

  *#join(session: Session, keys: string[]): Steps {
    const joined = this.#limits.allowed(session, keys)
    if (joined.length === 0) return
    const { across } = this.place
    const { world } = session
    const known = new Set(joined.filter((key) => session.peer.has(key)))
    world.join(session, joined)
    this.context.outcomes.count('joined')
    log.introduction('%s joins %d keys', session.id, joined.length)
    if (across) {
      const fresh = joined.filter((key) => !known.has(key))
      across.join(world.app, session.id, joined, fresh)
    }
    yield* introduce(session, joined, known, (other, common) => {
      this.introduced(world.app, [session.id, other], common)
    })
  }

  *#leave(session: Session, keys: string[]): Steps {
    log.introduction('%s leaves %d keys', session.id, keys.length)
    const departure = this.departed(session, session.world.leave(session, keys))
    this.place.across?.renew(session.world.app, session.id, keys)
    yield* departure
  }

  *#announce(session: Session, info: Json): Steps {
    const { maxInfoBytes } = this.context.settings
    if (Buffer.byteLength(JSON.stringify(info)) > maxInfoBytes) {
      const message = `${errorSentence.info_too_big} At most ${maxInfoBytes} bytes of JSON.`
      session.tell({ type: 'error', code: 'info_too_big', message })
      return
    }
    session.announce(info)
    const { id, world, peer, announcement } = session
    this.place.across?.announce(world.app, id)
    // what counts is the newest session's, for all who share a key with any of them
    const counts = () => peer.announcement === announcement
    if (counts()) yield* update(world, { id, info, keys: peer.keys }, counts)
  }

  #signal(session: Session, to: string, signal: Json): void {
    const { across, v1 } = this.place
    const { world, peer } = session
    const sharesKey = ({ keys }: Session) => {
      for (const key of keys) if (world.interests.has(key, peer)) return true
      return false
    }
    const target = to === session.id ? undefined : world.peers.get(to)
    const receiver = target?.sessions.findLast((other) => other.dialect === v1 && sharesKey(other))
    const remote = to === session.id ? undefined : across?.find(world.app, to, session.keys)
    // the newest session of all that can read it
    if (remote && (remote.reads ?? 0) > (receiver?.arrival ?? 0)) {
      return across?.signal(remote, session.id, signal)
    }
    if (receiver) return receiver.tell({ type: 'signal', from: session.id, signal })

    const known = target?.sessions.some(sharesKey) || remote
    const code = known ? 'not_supported' : 'unknown_peer'
    session.tell({ type: 'error', code, message: errorSentence[code], id: to })
  }
}

function* nothing(): Steps {}
