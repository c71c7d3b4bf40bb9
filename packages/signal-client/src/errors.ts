import type { ErrorCode } from 'signal-server-protocol'

/**
 * Stable codes of a {@link SignalError}: those of the protocol, and the client's own.
 *
 * - `not_found`: the server has no such path
 * - `bad_request`, `uri_too_long`: the id or a key is not one that the server takes
 * - `http_404` and the like: what answers is no signal server; the client tries on
 * - `upgrade_failed`: the server answers, and no WebSocket can be opened; the client tries on
 * - `dial_failed`: `token` gave no token, or the platform refused the URL or the token; the client
 *   tries on
 * - `bad_server_message`: the server said something that the protocol does not have
 * - `lost`: a pipe ended without having been closed
 * - `overflow`: an app left more unread than can be kept, where the platform cannot hold the sender
 *   back
 * - `message_too_big`: a message was larger than the peer, or the server, takes
 */
export type SignalErrorCode =
  | ErrorCode
  | 'not_found'
  | 'bad_request'
  | 'uri_too_long'
  | `http_${number}`
  | 'upgrade_failed'
  | 'dial_failed'
  | 'bad_server_message'
  | 'lost'
  | 'overflow'
  | 'message_too_big'

/** What an error is about. */
export interface ErrorSubject {
  /** The peer. */
  readonly id?: string | undefined
  /** The keys. */
  readonly keys?: readonly string[] | undefined
}

/** Something was refused or went wrong. */
export class SignalError extends Error {
  override readonly name = 'SignalError'
  declare readonly id?: string
  declare readonly keys?: readonly string[]

  constructor(
    readonly code: SignalErrorCode,
    message: string,
    about?: ErrorSubject,
  ) {
    super(message)
    Object.assign(this, about)
  }
}
