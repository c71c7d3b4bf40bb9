import type { Json } from 'signal-server-protocol'

/** How long somebody has been in a room. */
export interface Standing {
  /** Compares with that of others in the room: lower is longer. Milliseconds since 1970, at least. */
  since: number
  /** Set while it is not settled yet who has created the room. */
  claim?: true
}

/** What socket.io keeps of a client: what other instances are told of it is made of this. */
export interface Visible {
  app: string
  peerinfo: Json
  /** By room key. */
  rooms: Record<string, Standing>
  /** Whether it has not read what was sent to it before. */
  readonly congested: boolean
}

/** Somebody in a room, or about to be. */
export interface Claimant extends Standing {
  id: string
}

/** Somebody in a room, as it is known to all instances. */
export interface Member extends Claimant {
  peerinfo: Json
  congested: boolean
  /** Where its client is; left out if that is here. */
  instance?: string
}

/** What a room is called among the rooms of all apps; never the id of a client. */
export const roomKey = (app: string, room: string): string => `room:${JSON.stringify([app, room])}`

/** What the clients of its app call the room of a key. */
export const roomName = (key: string): string =>
  (JSON.parse(key.slice('room:'.length)) as [app: string, room: string])[1]

/** The app whose room has a key. */
export const appOf = (key: string): string =>
  (JSON.parse(key.slice('room:'.length)) as [app: string, room: string])[0]

export const isRoomKey = (name: string): boolean => name.startsWith('room:')

/** The ones that are in a room, the longest-standing first. */
export function settled<T extends Claimant>(members: readonly T[]): T[] {
  return members.filter(({ claim }) => !claim).sort(byStanding)
}

/** The owner of a room: the one that has stood there longest. */
export function ownerOf<T extends Claimant>(members: readonly T[]): T | undefined {
  let owner: T | undefined
  for (const member of members) {
    if (!member.claim && (!owner || byStanding(member, owner) < 0)) owner = member
  }
  return owner
}

/**
 * What becomes of a claim to a new room. Each claimant shows its claim before it looks who else is
 * there, so of two claims at least one sees the other. Only who sees nobody has the room; of two
 * that see each other the later one gives way and the earlier looks again.
 *
 * @param others - everybody else in the room
 */
export function judge(claim: Claimant, others: readonly Claimant[]): 'won' | 'lost' | 'look again' {
  if (others.length === 0) return 'won'
  const beaten = others.some((other) => !other.claim || byStanding(other, claim) < 0)
  return beaten ? 'lost' : 'look again'
}

/** The standing of somebody who comes in now: after everybody who is there, whatever the clocks say. */
export function newcomer(members: readonly Standing[], now: number): number {
  return Math.max(now, ...members.map(({ since }) => since + 1))
}

/** Two instances may give the same standing at the same time: then the id decides. */
function byStanding(a: Claimant, b: Claimant): number {
  return a.since - b.since || (a.id < b.id ? -1 : 1)
}
