import { deserialize, serialize } from 'node:v8'
import type { EndpointContext } from 'signal-server'
import type { Session } from './session.js'

// of one client: 650 bytes for each of 100 rooms
const maxPayloadBytes = 64 * 1024

/** A request to join a room that its owner has not answered yet. */
export class Ask {
  /** As bytes, for as many small objects would take twenty times as much memory. */
  readonly #payload: Buffer

  constructor(
    readonly room: string,
    payload: unknown,
  ) {
    this.#payload = serialize(payload)
  }

  get payload(): unknown {
    return deserialize(this.#payload) as unknown
  }

  get bytes(): number {
    return this.#payload.length
  }

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

  constructor(private readonly budget: EndpointContext['budget']) {}

  /** How many a client has. */
  count(session: Session): number {
    return this.#bySession.get(session)?.size ?? 0
  }

  get(session: Session, key: string): Ask | undefined {
    return this.#bySession.get(session)?.get(key)
  }

  /** @returns false, and changes nothing, if the payloads of the client's requests are too much */
  set(session: Session, key: string, ask: Ask): boolean {
    const own = this.#bySession.get(session) ?? new Map<string, Ask>()
    const before = own.get(key)?.bytes ?? 0
    const sum = [...own.values()].reduce((bytes, each) => bytes + each.bytes, 0)
    if (sum - before + ask.bytes > maxPayloadBytes) return false
    this.budget.add(ask.bytes - before)
    this.#bySession.set(session, own.set(key, ask))
    const asking = this.#byRoom.get(key) ?? new Set<Session>()
    this.#byRoom.set(key, asking.add(session))
    return true
  }

  /** @returns whether there was one */
  delete(session: Session, key: string): boolean {
    const own = this.#bySession.get(session)
    const ask = own?.get(key)
    if (!own || !ask) return false
    own.delete(key)
    this.budget.add(-ask.bytes)
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
