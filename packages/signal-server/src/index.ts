export { HttpRefusal, type RefusalCode } from './errors.js'
export type {
  Authorize,
  Claim,
  Endpoint,
  EndpointContext,
  EndpointFactory,
  Grant,
  Upgrade,
} from './endpoint.js'
export type { PairEvent, SignalServerEvents } from './events.js'
export type { ListenOptions } from './listen.js'
export { defaults, type Settings, type SignalServerOptions } from './options.js'
export { segmentsBelow } from './path.js'
export { SignalServer } from './signal-server.js'
export { outcomeNames, type Outcome, type Stats } from './stats.js'
export { version } from './version.js'
export { WebSocketAcceptor } from './web-socket-acceptor.js'
