export { call } from './call.js'
export { fields, text, type Fields } from './json/fields.js'
export type { JsonClient } from './json/json-client.js'
export {
  jsonEndpoint,
  type JsonEndpointDescription,
  type JsonEndpointOptions,
} from './json/json-endpoint.js'
export type { Peers } from './json/peers.js'
export type { Protocol } from './json/protocol.js'
export { Refusal } from './json/refusal.js'
export { relayWs } from './relay-ws.js'
export type { RoomsOptions } from './rooms/options.js'
export { rooms } from './rooms/rooms-endpoint.js'
export { rtc, type RtcOptions } from './rtc.js'
