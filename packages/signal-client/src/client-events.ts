import type { Json, Welcome } from 'signal-server-protocol'
import type { Ending, PeerLeft } from './ending.js'
import type { SignalError } from './errors.js'
import type { Peer } from './peer.js'
import type { PipeSocket } from './pipe-socket.js'

/** What a {@link Client} tells, with the arguments of the listeners. */
export interface ClientEvents {
  /** The server is in reach, for the first time or again. */
  connected: [welcome: Welcome]
  /** The server is out of reach; the client tries on, unless its state is `closed`. */
  disconnected: [why: Ending]
  /** A pipe to a peer is there: what is sent reaches it. */
  peer: [peer: Peer, key: string, socket: PipeSocket]
  /** The pipe to a peer is no more. */
  'peer-left': [peer: Peer, key: string, why: PeerLeft]
  /** A connected peer has announced something else about itself. */
  update: [peer: Peer, info: Json]
  /** Another client has sent a signal. */
  signal: [from: string, signal: Json]
  /** Something was refused; what does not end the client's attempts leaves its state alone. */
  error: [error: SignalError]
}
