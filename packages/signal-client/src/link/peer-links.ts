import { Backoff } from './backoff.js'
import type { Ending } from './channel.js'
import type { Dial } from './dial.js'
import type { Dialled } from './host.js'
import type { Keys, LinkSettings, Memory } from './link-context.js'
import { Link } from './link.js'

const firstBan = 30_000
const longestBan = 3_600_000
/** Of so many sessions of a peer something is remembered. */
const mostSessions = 16

/** What all links share. */
export interface Shared extends LinkSettings {
  readonly wanted: ReadonlySet<string>
  isServerReachable: boolean
}

/** A key with a peer. */
interface Introduced {
  /** The peer's session that has it; undefined if that session has no links. */
  readonly session: string | undefined
  /** It was introduced before the last Welcome. */
  isOld: boolean
}

/** The keys that one peer shares with this end, and the links with its sessions. */
export class PeerLinks {
  readonly #keys = new Map<string, Introduced>()
  readonly #raw = new Set<string>()
  readonly #refused = new Set<string>()
  readonly #links = new Map<string, Link>()
  readonly #memories = new Map<string, Memory>()
  #ban = firstBan
  #isBanned = false

  constructor(
    readonly id: string,
    private readonly shared: Shared,
  ) {}

  /** @param session - undefined if the peer's session has no links */
  introduced(keys: readonly string[], session: string | undefined, again: boolean): void {
    const wanted = keys.filter((key) => this.shared.wanted.has(key))
    for (const key of wanted) {
      this.#refused.delete(key)
      this.#keys.set(key, { session, isOld: false })
    }
    for (const [other, link] of [...this.#links]) if (other !== session) link.loseKeys(wanted)
    if (session === undefined || wanted.length === 0) return
    this.#linkOf(session).introduced(wanted, again)
  }

  departed(keys: readonly string[]): void {
    for (const key of keys) this.#keys.delete(key)
    for (const link of [...this.#links.values()]) link.departed(keys)
  }

  /** Another session of this end has keys. */
  replaced(keys: readonly string[]): void {
    for (const key of keys) this.#keys.delete(key)
    for (const link of [...this.#links.values()]) link.loseKeys(keys)
  }

  /** This end does not want a key any more. */
  left(key: string, ending: Ending): void {
    this.#keys.delete(key)
    for (const link of this.#links.values()) link.closeKey(key, ending)
  }

  /** A new session with the server has begun: what was introduced counts until it is settled. */
  welcome(): void {
    for (const introduced of this.#keys.values()) introduced.isOld = true
  }

  settled(): void {
    this.departed([...this.#keys].flatMap(([key, { isOld }]) => (isOld ? [key] : [])))
  }

  rawEnded(key: string): void {
    this.#raw.delete(key)
    const session = this.#keys.get(key)?.session
    if (session !== undefined) this.#linkOf(session).introduced([key], false)
  }

  refused(key: string): void {
    this.#refused.add(key)
    this.update()
  }

  update(): void {
    for (const link of [...this.#links.values()]) link.update()
  }

  probe(): void {
    for (const link of this.#links.values()) link.probe()
  }

  close(code: number): void {
    for (const link of [...this.#links.values()]) link.close(code)
    this.#links.clear()
  }

  #linkOf(session: string): Link {
    let link = this.#links.get(session)
    if (!link) {
      link = new Link(this.id, session, this.#keysOf(session), this.#memory(session), this.shared)
      this.#links.set(session, link)
    }
    return link
  }

  #keysOf(session: string): Keys {
    const { shared } = this
    return {
      isShared: (key) => this.#isShared(key, session),
      shared: () => this.#sharedWith(session),
      hasAny: () => [...this.#keys.values()].some((introduced) => introduced.session === session),
      isRefused: (key) => this.#refused.has(key),
      mayDial: () => !this.#isBanned,
      isServerReachable: () => shared.isServerReachable,
      isRaw: (dial) => this.#isRaw(dial),
      hasViolated: () => this.#hasViolated(),
      isOver: () => this.#links.delete(session),
    }
  }

  #isShared(key: string, session: string): boolean {
    return (
      this.#keys.get(key)?.session === session && this.shared.wanted.has(key) && !this.#raw.has(key)
    )
  }

  *#sharedWith(session: string): Generator<string> {
    for (const key of this.#keys.keys()) if (this.#isShared(key, session)) yield key
  }

  #isRaw({ key, transport }: Dial): Dialled {
    this.#raw.add(key)
    return this.shared.app.raw(this.id, key, transport!)
  }

  #hasViolated(): void {
    this.#isBanned = true
    this.shared.outside.after(this.#ban, () => {
      this.#isBanned = false
      this.update()
    })
    this.#ban = Math.min(longestBan, this.#ban * 2)
  }

  #memory(session: string): Memory {
    let memory = this.#memories.get(session)
    if (!memory) {
      this.#memories.set(session, (memory = { backoff: new Backoff(), highest: 0 }))
      const [oldest] = this.#memories.keys()
      if (this.#memories.size > mostSessions) this.#memories.delete(oldest!)
    }
    return memory
  }
}
