import type { Json } from 'signal-protocol'
import type { Announcement } from './announcement.js'
import type { PeerNotice } from './wire.js'

/** Whether something still is so for a key, at the moment when somebody is told of it. */
type Still = (key: string) => boolean

/**
 * Whether somebody has been told already what a peer has announced.
 * @param hears - whether he hears of a key
 */
export type Known = (hears: Still) => boolean

/** A peer here, as far as announcements are concerned. */
export interface AnnouncingPeer {
  /** Of all its sessions. */
  readonly keys: Iterable<string>
  /** What counts of all that its sessions here have announced. */
  readonly announcedHere: Announcement | undefined
  /** What counts rather than that: it was announced on another instance. */
  announcedElsewhere: Announcement | undefined
  /** What counts. */
  readonly announcement: Announcement | undefined
  readonly info: Json | undefined
}

/** The introductions of this instance, as far as others are concerned with them. */
export interface LocalIntroductions {
  /** How many peers here want a key. */
  count(app: string, key: string): number
  /** The peers here that want a key. */
  peersOn(app: string, key: string): PeerNotice[]
  /** One of them. */
  peerOn(app: string, key: string, id: string): PeerNotice | undefined
  /**
   * A peer elsewhere wants these keys: tells those here who do, or only the one named.
   * @param info - what it has announced, for somebody who hears of some keys
   * @param still - whether that is so for a key at the moment when somebody is told
   */
  introduceRemote(
    app: string,
    id: string,
    info: (hears: Still) => Json | undefined,
    keys: string[],
    still: Still,
    to?: string,
  ): void
  /** Two peers whose connection has failed are introduced once more; one or both are elsewhere. */
  introduceAgain(app: string, about: PeerNotice, key: string, to: string): void
  /** The newest session of a peer is here, and hears of the peers here, for another one asked. */
  introduceHere(app: string, id: string, keys: string[]): void
  /** A peer elsewhere has left these keys. */
  departRemote(app: string, id: string, keys: string[], still: Still): void
  /** A peer elsewhere, which wants these keys, has new info. */
  updateRemote(
    app: string,
    id: string,
    info: Json,
    keys: string[],
    still: Still,
    known: Known,
  ): void
  /** A peer here has new info, from elsewhere. */
  show(app: string, id: string, known: Known): void
  /** A peer that has sessions here. */
  peer(app: string, id: string): AnnouncingPeer | undefined
  /** A peer elsewhere signals one here, with which it shares this key. */
  signalRemote(app: string, from: string, to: string, key: string, signal: Json): void
  /** Sessions of a peer that are here and older than this do not hear of a key any more. */
  outranked(app: string, id: string, key: string, since: number | undefined): void
  /** Every peer here, with its keys. */
  everyone(): Iterable<{ app: string; id: string; keys: Iterable<string> }>
}
