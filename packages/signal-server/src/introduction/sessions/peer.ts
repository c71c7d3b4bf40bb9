/** What a realm knows of a session. */
export interface Member {
  /** Of its peer. */
  readonly id: string
  /** Grows from one session to the next, over all instances. */
  readonly arrival: number
  readonly keys: Set<string>
  /** Called when it has joined or left keys. */
  keysChanged?(): void
}

/** A client with an id; it lives as long as one of its sessions does. */
export class Peer<M extends Member> {
  /** In order of arrival: the last one is active. */
  readonly sessions: M[] = []
  /**
   * Which sessions have joined a key, in order of arrival. Only where there are several: asking
   * each of thousands would take long.
   */
  #byKey: Map<string, M[]> | undefined
  /** Sessions here that came before this do not have a key's introductions: a newer one is on another instance. */
  #newerRemote: Map<string, number> | undefined

  constructor(readonly id: string) {}

  /**
   * The newest session that joined a key: the key's introductions go there.
   * @returns undefined also where a newer one is on another instance
   */
  sessionFor(key: string): M | undefined {
    const newest = this.newestWith(key)
    const arrivedRemotely = newest && this.#newerRemote?.get(key)
    return arrivedRemotely !== undefined && arrivedRemotely > newest!.arrival ? undefined : newest
  }

  /** The newest session here that joined a key, and of which something holds. */
  newestWith(key: string, holds?: (session: M) => boolean): M | undefined {
    if (this.#byKey) {
      const holders = this.#byKey.get(key)
      return holds ? holders?.findLast(holds) : holders?.at(-1)
    }
    const only = this.sessions[0]
    return only?.keys.has(key) && (holds?.(only) ?? true) ? only : undefined
  }

  /** The same, of a peer that is known to have joined the key. */
  holder(key: string): M | undefined {
    return this.#byKey || this.#newerRemote ? this.sessionFor(key) : this.sessions[0]
  }

  /** Whether one of its sessions joined a key. */
  has(key: string): boolean {
    return this.newestWith(key) !== undefined
  }

  /** The session here that a newer one follows directly, of those that joined a key. */
  olderThan(session: M, key: string): M | undefined {
    const holders = this.#byKey?.get(key) ?? []
    return holders[place(holders, session) - 1]
  }

  /**
   * @param before - sessions here that came before this do not have a key's introductions, because a
   * newer one is on another instance; undefined if there is none
   */
  outranked(key: string, before: number | undefined): void {
    if (before !== undefined) (this.#newerRemote ??= new Map()).set(key, before)
    else if (this.#newerRemote?.delete(key) && this.#newerRemote.size === 0)
      this.#newerRemote = undefined
  }

  /** Of all its sessions here. */
  get keys(): ReadonlySet<string> {
    return new Set(this.sessions.flatMap(({ keys }) => [...keys]))
  }

  /** Adds a session that has joined nothing yet. */
  add(session: M): void {
    this.sessions.push(session)
    if (this.sessions.length !== 2) return
    const [first] = this.sessions
    this.#byKey = new Map(Array.from(first!.keys, (key) => [key, [first!]]))
  }

  /** Takes exactly this session away, once it has left all keys. */
  remove(session: M): void {
    take(this.sessions, session)
    if (this.sessions.length === 1) this.#byKey = undefined
  }

  join(session: M, key: string): void {
    if (session.keys.has(key)) return
    session.keys.add(key)
    const holders = this.#byKey?.get(key)
    if (holders) holders.splice(place(holders, session), 0, session)
    else this.#byKey?.set(key, [session])
  }

  /**
   * Takes a key from a session that has joined it.
   * @returns the newest session that has joined it still
   */
  leave(session: M, key: string): M | undefined {
    session.keys.delete(key)
    const holders = this.#byKey?.get(key)
    if (!holders) return undefined
    take(holders, session)
    if (holders.length === 0) this.#byKey!.delete(key)
    return holders.at(-1)
  }
}

/** Where a session stands in a list in order of arrival, or would. */
function place<M extends Member>(sessions: readonly M[], { arrival }: M): number {
  let low = 0
  let high = sessions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sessions[middle]!.arrival < arrival) low = middle + 1
    else high = middle
  }
  return low
}

function take<M extends Member>(sessions: M[], session: M): void {
  const at = place(sessions, session)
  if (sessions[at] === session) sessions.splice(at, 1)
}
