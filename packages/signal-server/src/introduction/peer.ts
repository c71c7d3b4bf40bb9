import type { Json } from 'signal-protocol'

/** What a world knows of a session. */
export interface Member {
  /** Of its peer. */
  readonly id: string
  readonly keys: Set<string>
  /** What it announced. */
  readonly info: Json | undefined
}

/** A client with an id; it lives as long as one of its sessions does. */
export class Peer<M extends Member> {
  /** In order of arrival: the last one is active. */
  readonly sessions: M[] = []

  constructor(readonly id: string) {}

  /** The newest session that joined a key: the key's introductions go there. */
  sessionFor(key: string): M | undefined {
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
