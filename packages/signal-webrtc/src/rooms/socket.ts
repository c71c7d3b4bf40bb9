import type { Json } from 'signal-server-protocol'
import type { DefaultEventsMap, Server, Socket } from 'socket.io'
import type { Member, Visible } from './standing.js'

/** What the owner's instance asks of the instance that has the candidate. */
export interface Placement {
  app: string
  room: string
  /** The candidate. */
  id: string
  /** Its standing in the room; where there is none it is rejected. */
  since?: number
  payload: unknown
}

/** What members are told of a client that was let in. */
export interface Joined {
  room: string
  peer_id: string
  peerinfo: Json
  payload: unknown
}

/** What instances say to each other. */
export interface InstanceEvents {
  /** Answered with whether the candidate is there and has asked. */
  place: (placement: Placement, done: (placed: boolean) => void) => void
  /** Answered with who is in a room there: one client, or all if the id is null. */
  members: (key: string, id: string | null, done: (members: Member[]) => void) => void
  /** Answered when the client is not there, has shown life, or was given up. */
  prove: (id: string, done: () => void) => void
  /** A client has come into a room. */
  came: (key: string, joined: Joined) => void
  /** A client has left a room. */
  gone: (key: string, id: string, peerinfo: Json) => void
}

export type RoomServer = Server<DefaultEventsMap, DefaultEventsMap, InstanceEvents, Visible>
export type RoomSocket = Socket<DefaultEventsMap, DefaultEventsMap, InstanceEvents, Visible>
