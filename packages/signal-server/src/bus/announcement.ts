import type { AnnouncementNotice } from './wire.js'

/** What a session of a peer has announced, and where. */
export interface Announcement extends AnnouncementNotice {
  /** That has the session; '' where there is but one. */
  readonly instance: string
}

/**
 * Whether one counts rather than another one of the same peer: that of the newer session, of one
 * session what it has announced later. All instances agree on that.
 */
export function outranks(one: Announcement, other: Announcement): boolean {
  if (one.since !== other.since) return one.since > other.since
  if (one.instance !== other.instance) return one.instance > other.instance
  return one.at > other.at
}
