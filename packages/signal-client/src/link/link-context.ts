import type { Backoff } from './backoff.js'
import type { Dial } from './dial.js'
import type { LifeNonce } from './hello.js'
import type { App, Dialled, Outside } from './host.js'

/** The settings that all links of a client share. */
export interface LinkSettings {
  readonly outside: Outside
  readonly app: App
  /** The session of this end. */
  readonly own: string
  /** For how long the app is told nothing when a link has lost its transport, in milliseconds. */
  readonly grace: number
  readonly maxMessageBytes: number
  newNonce(): LifeNonce
}

/** The keys of a link's peer. */
export interface Keys {
  /** Whether a key is wanted here, belongs to the peer's session, and has no raw pipe. */
  isShared(key: string): boolean
  shared(): Iterable<string>
  /** Whether the peer's session has a key that was introduced, wanted here or not. */
  hasAny(): boolean
  isRefused(key: string): boolean
  /** Whether the peer may be dialled: it has broken no rule of late. */
  mayDial(): boolean
  isServerReachable(): boolean
  /** A pairing on this key is a raw pipe. */
  isRaw(dial: Dial): Dialled
  /** The peer has broken a rule. */
  hasViolated(): void
  /** Nothing is left of the link. */
  isOver(): void
}

/** What stays of a session of a peer from one life to the next. */
export interface Memory {
  readonly backoff: Backoff
  /** The highest count of a life that was heard of. */
  highest: number
}
