import type { Clock } from './clock.js'
import type { Random } from './random.js'
import { Wire } from './wire.js'

/** What the server says on an introduction socket. */
export type Told =
  | { type: 'Welcome' }
  | { type: 'Introduction'; id: string; keys: string[]; link: string | undefined; again: boolean }
  | { type: 'Departure'; id: string; keys: string[] }
  | { type: 'Replaced'; keys: string[] }
  | { type: 'Pong' }

/** An introduction socket. */
export interface Session {
  readonly id: string
  readonly link: string | undefined
  readonly keys: Set<string>
  readonly down: Wire
  readonly up: Wire
  told(told: Told): void
}

/** A connection socket, as the server sees it. */
export interface Socket {
  readonly name: string
  readonly from: string
  /** The session of its client. */
  readonly session: string
  readonly to: string
  readonly key: string
  readonly hello: string | undefined
  readonly down: Wire
  readonly up: Wire
  mate: Socket | undefined
  /** A record has come to its client. */
  hasCarried: boolean
  /** The server has forgotten it. */
  isGone: boolean
  paired(hello: string | undefined): void
  received(record: Uint8Array): void
  ended(code: number): void
}

const holdTimeout = 120_000
const againPause = 5_000

/** A model of the signal server: introductions, sessions of one id, pairing, superseding. */
export class Server {
  /** It knows no links: pairs are plain. */
  isPlain = false
  readonly #sessions: Session[] = []
  readonly #places = new Map<string, Socket>()
  readonly #againAt = new Map<string, number>()

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly hasFaults: () => boolean,
    private readonly log: ((line: string) => void) | undefined,
  ) {}

  wire(): Wire {
    return new Wire(this.clock, this.random, this.hasFaults)
  }

  // --- introductions

  enter(session: Session): void {
    this.#sessions.push(session)
    this.#tell(session, { type: 'Welcome' })
  }

  /** The newest session of an id that has a key: it has the key's introductions. */
  newest(id: string, key: string): Session | undefined {
    return this.#sessions.findLast((session) => session.id === id && session.keys.has(key))
  }

  join(session: Session, keys: readonly string[]): void {
    if (!this.#sessions.includes(session)) return
    const before = new Map(keys.map((key) => [key, this.newest(session.id, key)]))
    for (const key of keys) session.keys.add(key)
    for (const older of this.#sessions) {
      const lost = keys.filter((key) => {
        const owner = this.newest(session.id, key)
        return (
          older.keys.has(key) && owner !== older && (before.get(key) === older || older === session)
        )
      })
      if (older.id === session.id && lost.length > 0) {
        this.#tell(older, { type: 'Replaced', keys: lost })
      }
    }
    const own = keys.filter((key) => this.newest(session.id, key) === session)
    for (const [other, shared] of this.#others(session.id, keys)) {
      this.#introduce(other, session.id, shared)
      this.#introduce(
        session,
        other.id,
        shared.filter((key) => own.includes(key)),
      )
    }
  }

  leave(session: Session, keys: readonly string[]): void {
    if (!this.#sessions.includes(session)) return
    for (const key of keys) {
      const hadIt = this.newest(session.id, key) === session
      if (!session.keys.delete(key)) continue
      const heir = this.newest(session.id, key)
      for (const [other] of this.#others(session.id, [key])) {
        if (!heir) this.#tell(other, { type: 'Departure', id: session.id, keys: [key] })
        else if (hadIt) {
          this.#introduce(heir, other.id, [key])
          this.#introduce(other, session.id, [key])
        }
      }
    }
  }

  exit(session: Session): void {
    this.leave(session, [...session.keys])
    const at = this.#sessions.indexOf(session)
    if (at >= 0) this.#sessions.splice(at, 1)
  }

  ping(session: Session): void {
    if (this.#sessions.includes(session)) this.#tell(session, { type: 'Pong' })
  }

  /** Sessions of other ids that have the introductions of keys, with these keys. */
  #others(id: string, keys: readonly string[]): Map<Session, string[]> {
    const found = new Map<Session, string[]>()
    for (const key of keys) {
      for (const other of this.#sessions) {
        if (other.id === id || this.newest(other.id, key) !== other) continue
        found.set(other, [...(found.get(other) ?? []), key])
      }
    }
    return found
  }

  /** An Introduction is about one session of a peer. */
  #introduce(to: Session, id: string, keys: readonly string[], again = false): void {
    const bySession = new Map<Session, string[]>()
    for (const key of keys) {
      const about = this.newest(id, key)
      if (about) bySession.set(about, [...(bySession.get(about) ?? []), key])
    }
    for (const [{ link }, shared] of bySession) {
      this.#tell(to, { type: 'Introduction', id, keys: shared, link, again })
    }
  }

  #tell(session: Session, told: Told): void {
    session.down.carry(() => session.told(told))
  }

  // --- connections

  dial(socket: Socket): void {
    if (socket.isGone) return
    const place = placeOf(socket.from, socket.to, socket.key)
    const old = this.#places.get(place)
    if (old) {
      const { mate } = old
      this.#end(old, 4409)
      if (mate) {
        this.#end(mate, 4410)
        this.#again(socket.to, socket.from, socket.key)
      }
    }
    this.#places.set(place, socket)
    const other = this.#places.get(placeOf(socket.to, socket.from, socket.key))
    if (other && !other.mate) this.#pair(socket, other)
    else {
      this.clock.after(holdTimeout, () => {
        if (socket.mate || socket.isGone) return
        this.#end(socket, 4408)
        this.#again(socket.from, socket.to, socket.key)
        this.#again(socket.to, socket.from, socket.key)
      })
    }
  }

  #pair(one: Socket, other: Socket): void {
    one.mate = other
    other.mate = one
    this.log?.(`server pairs ${one.name} with ${other.name}`)
    const both = one.hello !== undefined && other.hello !== undefined && !this.isPlain
    one.down.carry(() => one.paired(both ? other.hello : undefined))
    other.down.carry(() => other.paired(both ? one.hello : undefined))
  }

  record(socket: Socket, record: Uint8Array): void {
    const { mate } = socket
    if (mate && !mate.isGone) mate.down.carry(() => mate.received(record))
  }

  /** A client has closed its socket, or the server has found it dead (4410). */
  closed(socket: Socket, code: number): void {
    if (socket.isGone) return
    const { mate } = socket
    this.#forget(socket)
    if (!mate) return
    this.#end(mate, code)
    if (code !== 4410) return
    this.#again(socket.from, socket.to, socket.key)
    this.#again(socket.to, socket.from, socket.key)
  }

  #end(socket: Socket, code: number): void {
    this.#forget(socket)
    socket.down.carry(() => socket.ended(code))
  }

  #forget(socket: Socket): void {
    socket.isGone = true
    if (socket.mate) socket.mate.mate = undefined
    socket.mate = undefined
    const place = placeOf(socket.from, socket.to, socket.key)
    if (this.#places.get(place) === socket) this.#places.delete(place)
  }

  /** Introduces a peer once more if it still waits for that, at most every 5 s. */
  #again(to: string, about: string, key: string): void {
    const delay = this.random.between(10, this.hasFaults() ? 3_000 : 300)
    this.clock.after(delay, () => {
      const place = placeOf(to, about, key)
      const last = this.#againAt.get(place)
      if (last !== undefined && this.clock.now - last < againPause) return
      const target = this.newest(to, key)
      if (!target || !this.newest(about, key) || this.#places.has(place)) return
      this.#againAt.set(place, this.clock.now)
      this.#introduce(target, about, [key], true)
    })
  }
}

const placeOf = (from: string, to: string, key: string) => `${from} ${to} ${key}`
