export { CloseCode, closeReason } from './close-codes.js'
export { errorSentence, type ErrorCode } from './error-codes.js'
export {
  LINK_SUBPROTOCOL_PREFIX,
  PAIRED_TEXT,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  type Announce,
  type ClientMessage,
  type Departure,
  type ErrorMessage,
  type IceServer,
  type Introduction,
  type Join,
  type Json,
  type Leave,
  type Paired,
  type Ping,
  type Pong,
  type ServerMessage,
  type SignalFrom,
  type SignalTo,
  type Update,
  type Welcome,
} from './messages.js'
export { connectionPath, introductionPath, tokenPath } from './paths.js'
