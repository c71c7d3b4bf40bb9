import type { Dialect, Notice } from '../dialects/dialect.js'
import type { Peer } from './peer.js'
import type { Session } from './session.js'
import type { Steps } from '../../limits/sliced-work.js'
import type { Realm } from './realm.js'

/** A notice that goes to many sessions: encoded once for each dialect. */
export class Circular {
  readonly #encoded = new Map<Dialect, Buffer | undefined>()

  constructor(readonly notice: Notice) {}

  to(session: Session): void {
    const { dialect } = session
    if (!dialect) return
    let data = this.#encoded.get(dialect)
    if (data === undefined && !this.#encoded.has(dialect)) {
      data = dialect.encode(this.notice)
      this.#encoded.set(dialect, data)
    }
    if (data !== undefined) session.send(data)
  }
}

const longestList = 16

// so many peers are looked at between two looks at the clock: some 10 µs
const atOnce = 256

/**
 * The sessions here that have the introductions of some keys, except those of one peer. A session
 * with many of the keys is stored with their number only, and the keys are looked up again when it
 * is told: lists of thousands of keys for thousands of sessions would take megabytes meanwhile.
 */
export class Audience implements Iterable<Session> {
  readonly #found = new Map<Session, { count: number; first: string[] }>()
  readonly #changes: number
  #places: Map<string, number> | undefined

  /** @param id - of the peer that they are told about, which is not told itself */
  constructor(
    private readonly realm: Realm<Session>,
    private readonly id: string,
    readonly keys: readonly string[],
  ) {
    this.#changes = realm.changes
  }

  /** Whether no key's introductions have gone to another session since. */
  get unchanged(): boolean {
    return this.realm.changes === this.#changes
  }

  /**
   * Finds them.
   * @param known - those of the keys that the peer wanted before. On the others it comes after those
   * whom it finds and before those who join meanwhile, and find it themselves.
   */
  *gather(known?: ReadonlySet<string>): Steps {
    let looked = 0
    for (const key of this.keys) {
      for (const peer of this.realm.interests.peers(key)) {
        if (++looked % atOnce === 0) yield
        if (peer.id !== this.id) this.#add(peer, key)
        else if (known && !known.has(key)) break
      }
    }
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#found.keys()
  }

  /** The keys that a session still has the introductions of, in their order. */
  keysOf(session: Session): readonly string[] {
    const { count, first } = this.#found.get(session)!
    const hears = (key: string) => session.peer.sessionFor(key) === session
    if (this.unchanged && count === this.keys.length) return this.keys
    if (count === first.length) return this.unchanged ? first : first.filter(hears)
    // in time that depends on the shorter list
    if (this.keys.length <= session.keys.size) return this.keys.filter(hears)
    const places = (this.#places ??= new Map(this.keys.map((key, place) => [key, place])))
    const common = [...session.keys].filter((key) => places.has(key) && hears(key))
    return common.sort((a, b) => places.get(a)! - places.get(b)!)
  }

  #add(peer: Peer<Session>, key: string): void {
    const session = peer.holder(key)
    if (!session) return
    const found = this.#found.get(session)
    if (!found) this.#found.set(session, { count: 1, first: [key] })
    else if (++found.count <= longestList) found.first.push(key)
  }
}
