export { Client, type ClientOptions, type ClientState } from './client.js'
export type { ClientEvents } from './client-events.js'
export type { Ending, PeerLeft } from './ending.js'
export type { Token } from './dialler.js'
export type { Listener } from './emitter.js'
export { SignalError, type SignalErrorCode } from './errors.js'
export type { Peer } from './peer.js'
export type {
  PipeCloseEvent,
  PipeEvent,
  PipeEventMap,
  PipeHandler,
  PipeListener,
  PipeListenerOptions,
  PipeMessageEvent,
} from './pipe-events.js'
export type { PipeSocket } from './pipe-socket.js'
export type { Chunk, PipeStream } from './pipe-stream.js'
export type { RawSocket, Sendable, WebSocketClass } from './raw-socket.js'
export type { IceServer, Json, Welcome } from 'signal-server-protocol'
