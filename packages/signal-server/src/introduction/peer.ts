import type { Json } from 'signal-protocol'
import type { Session } from './session.js'

/** A client with an id; it lives as long as one of its sessions does. */
export class Peer {
  /** In order of arrival: the last one is active. */
  readonly sessions: Session[] = []

  constructor(readonly id: string) {}

  /** The newest session that joined a key: the key's introductions go there. */
  sessionFor(key: string): Session | undefined {
    return this.sessions.findLast((session) => session.keys.has(key))
  }

  /** Whether one of its sessions joined a key. */
  has(key: string): boolean {
    return this.sessionFor(key) !== undefined
  }

  /** What it announced last, of the sessions that live. */
  get info(): Json | undefined {
    return this.sessions.findLast((session) => session.info !== undefined)?.info
  }
}
