import type { IncomingMessage } from 'node:http'

/** What a request asks for; an endpoint reads it from the path. */
export interface Claim {
  /** Name of the endpoint. */
  readonly endpoint: string
  /** Who the client says it is, where the path tells. */
  readonly localId?: string
  /** Whom it wants to be connected with, on `/connection`. */
  readonly remoteId?: string
  /** On which key, on `/connection`. */
  readonly key?: string
}

/** What a request is allowed. */
export interface Grant {
  /** Apps are realms of their own: no id, key or pipe is shared. @default '' */
  readonly app?: string
  /** The only id that may be used. @default the one that is claimed */
  readonly id?: string
  /** Which keys may be joined or connected on. @default all */
  readonly allowsKey?: (key: string) => boolean
  /** When it ends, in milliseconds since 1970; the socket is then closed (4401). */
  readonly expiresAt?: number
  /** Such as an `AbortSignal`: asked about once a second, and the socket closed (4401) if so. */
  readonly revoked?: { readonly aborted: boolean }
}

/** Whether what was granted has ended: it has expired, or was revoked. */
export const hasEnded = ({ expiresAt = Infinity, revoked }: Grant, now = Date.now()): boolean =>
  now >= expiresAt || revoked?.aborted === true

/**
 * Decides, before the 101, whether a request gets what it claims.
 *
 * @param request - the upgrade, or a plain GET that asks why an upgrade was refused
 * @param claim - what its path asks for
 * @param token - the token it brought (bearer, subprotocol or path), if any
 * A browser sends the cookies of its user with every WebSocket, whichever page opens it. A hook that
 * reads cookies needs the option `origins`: without it the first read causes a warning of the
 * process (`SIGNAL_COOKIES_WITHOUT_ORIGINS`).
 *
 * @returns `true` or a {@link Grant}; `false` is answered with 403
 * @throws HttpRefusal for another status; anything else thrown is answered with 500
 */
export type Authorize = (
  request: IncomingMessage,
  claim: Claim,
  token: string | undefined,
) => boolean | Grant | Promise<boolean | Grant>
