import type { ErrorCode } from 'signal-protocol'

/**
 * Stable codes of a {@link SignalError}: those of the protocol, and the client's own.
 *
 * - `not_found`: the server has no such path
 * - `bad_request`, `uri_too_long`: the id or a key is not one that the server takes
 * - `http_404` and the like: refused by something that is no signal server
 * - `lost`: a pipe ended without having been closed
 * - `overflow`: an app left more unread than can be kept, where the platform cannot hold the sender
 *   back
 */
export type SignalErrorCode =
  ErrorCode | 'not_found' | 'bad_request' | 'uri_too_long' | `http_${number}` | 'lost' | 'overflow'

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
