import type { Session } from './session.js'

/** A request to join a room that its owner has not answered yet. */
export interface Ask {
  readonly room: string
  readonly payload: unknown
  /** The member that it was shown to. */
  owner?: string
  /** Set while it is being shown. */
  showing?: boolean
  /** Set if it must be shown once more, for the owner may have changed meanwhile. */
  again?: boolean
}

/** The requests of clients here that wait for an answer, by client and by room. */
export class Asks {
  readonly #bySession = new Map<Session, Map<string, Ask>>()
  readonly #byRoom = new Map<string, Set<Session>>()

  /** How many a client has. */
  count(session: Session): number {
    return this.#bySession.get(session)?.size ?? 0
  }

  get(session: Session, key: string): Ask | undefined {
    return this.#bySession.get(session)?.get(key)
  }

  set(session: Session, key: string, ask: Ask): void {
    const own = this.#bySession.get(session) ?? new Map<string, Ask>()
    this.#bySession.set(session, own.set(key, ask))
    const asking = this.#byRoom.get(key) ?? new Set<Session>()
    this.#byRoom.set(key, asking.add(session))
  }

  /** @returns whether there was one */
  delete(session: Session, key: string): boolean {
    const own = this.#bySession.get(session)
    if (!own?.delete(key)) return false
    if (own.size === 0) this.#bySession.delete(session)
    const asking = this.#byRoom.get(key)
    if (asking?.delete(session) && asking.size === 0) this.#byRoom.delete(key)
    return true
  }

  /** Forgets all of a client. */
  clear(session: Session): void {
    for (const key of [...(this.#bySession.get(session)?.keys() ?? [])]) this.delete(session, key)
  }

  /** The clients that ask to be let into a room. */
  of(key: string): Iterable<Session> {
    return this.#byRoom.get(key) ?? []
  }
}
