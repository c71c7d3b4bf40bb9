import type { Json } from 'signal-server-protocol'
import type { DefaultEventsMap, Server, Socket } from 'socket.io'
import type { Visible } from './standing.js'

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

export type RoomServer = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Visible>
export type RoomSocket = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Visible>
