import type { Json } from 'signal-protocol'
import type { PeerNotice } from '../../cluster/wire.js'

/**
 * What is shown of a session of a peer on another instance, on a key; undefined if another session of
 * the peer has the key's introductions now, or none.
 */
export type Shown = (key: string) => PeerNotice | undefined

/** The introductions of this instance, as far as others are concerned with them. */
export interface LocalIntroductions {
  /** How many peers here want a key. */
  count(app: string, key: string): number
  /** The peers here that want a key. */
  peersOn(app: string, key: string): PeerNotice[]
  /** One of them. */
  peerOn(app: string, key: string, id: string): PeerNotice | undefined
  /** Whether a session here has the introductions of a peer on a key. */
  has(app: string, key: string, id: string): boolean
  /**
   * Tells the peers here that want these keys of a session of another instance.
   * @param to - the only one who is to be told
   */
  introduceRemote(app: string, id: string, keys: string[], shown: Shown, to?: string): void
  /** Two peers whose connection has failed are introduced once more; one or both are elsewhere. */
  introduceAgain(app: string, about: PeerNotice, key: string, to: string): void
  /**
   * Sessions that are here have these keys now, without having asked, and are introduced.
   * @returns the keys on which that is done now: a peer that comes back all the time waits
   */
  takeOver(app: string, id: string, keys: string[]): string[]
  /**
   * A peer is to be introduced on a key to those here.
   * @param shown - whether they know it there already
   * @returns whether that is to be done now; otherwise it is done later, if it still is there
   */
  admit(app: string, id: string, key: string, shown: boolean): boolean
  /**
   * A peer has left a key, on all instances.
   * @returns whether those here are to be told
   */
  leaves(app: string, id: string, key: string): boolean
  /** A newer session of a peer, on another instance, has these keys now. */
  replaced(app: string, id: string, keys: string[]): void
  /** A peer of another instance has left these keys. */
  departRemote(app: string, id: string, keys: string[]): void
  /** A session of another instance, which has these keys, has announced something. */
  updateRemote(app: string, id: string, keys: string[], shown: Shown): void
  /** A peer elsewhere signals one here, with which it shares this key. */
  signalRemote(app: string, from: string, to: string, key: string, signal: Json): void
  /** Sessions of a peer that are here and came before this do not have a key's introductions. */
  outranked(app: string, id: string, key: string, before: number | undefined): void
  /** Every peer here, with its keys. */
  everyone(): Iterable<{ app: string; id: string; keys: Iterable<string> }>
}
