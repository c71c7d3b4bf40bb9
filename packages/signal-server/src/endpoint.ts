import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { EventEmitter } from 'node:events'
import type { Router } from 'express'
import type { Heartbeat } from './heartbeat.js'
import type { ByteBudget } from './byte-budget.js'
import type { Outcomes } from './stats.js'
import type { SignalServerEvents } from './events.js'
import type { Settings } from './options.js'

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
  /** Apps are worlds of their own: no id, key or pipe is shared. @default '' */
  readonly app?: string
  /** Which keys may be joined or connected on. @default all */
  readonly allowsKey?: (key: string) => boolean
  /** When it ends, in milliseconds since 1970; the socket is then closed (4401). */
  readonly expiresAt?: number
  /** Aborted when it is taken back; the socket is then closed (4401). */
  readonly revoked?: AbortSignal
}

/**
 * Decides, before the 101, whether a request gets what it claims.
 *
 * @param request - the upgrade, or a plain GET that asks why an upgrade was refused
 * @param claim - what its path asks for
 * @param token - the token it brought (bearer, subprotocol or path), if any
 * @returns `true` or a {@link Grant}; `false` is answered with 403
 * @throws HttpRefusal for another status; anything else thrown is answered with 500
 */
export type Authorize = (
  request: IncomingMessage,
  claim: Claim,
  token: string | undefined,
) => boolean | Grant | Promise<boolean | Grant>

/** A request whose upgrade was checked and authorised, and not answered yet. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** Bytes that came right behind the request. */
  readonly head: Buffer
  readonly claim: Claim
  readonly grant: Grant
  /** The app of the grant; '' without one. */
  readonly app: string
  /** Whether the client offered the subprotocol `signal.v1`. */
  readonly v1: boolean
}

/** What the server lends to its endpoints. */
export interface EndpointContext {
  readonly settings: Settings
  readonly heartbeat: Heartbeat
  readonly budget: ByteBudget
  readonly outcomes: Outcomes
  readonly events: EventEmitter<SignalServerEvents>
}

/**
 * A path with a protocol behind it: what `/introduction` and `/connection` are, and what others
 * plug in with {@link SignalServer.use}.
 */
export interface Endpoint {
  /** Names it in claims, stats and logs. */
  readonly name: string
  /**
   * What a path asks of this endpoint.
   *
   * @param path - below the mount, starting with `/`, percent-encoded, without query
   * @returns undefined where the path is not this endpoint's
   * @throws HttpRefusal (400, 404, 414) where it is, and is malformed
   */
  match(path: string): Claim | undefined
  /** Takes a socket over, answers the 101 and speaks its protocol. */
  accept(upgrade: Upgrade): void
  /** Plain HTTP routes that belong to the protocol. */
  readonly router?: Router
  /** Sends clients away that can go elsewhere at once; resolves when nothing is left to wait for. */
  drain(): Promise<void>
  /** Ends every socket and timer at once. */
  close(): void
  /** Gauges by name. */
  stats(): Record<string, number>
}

/** Makes an endpoint for one server. */
export type EndpointFactory = (context: EndpointContext) => Endpoint
