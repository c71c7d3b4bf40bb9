import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { EventEmitter } from 'node:events'
import type { Router } from 'express'
import type { Claim, Grant } from './authorize.js'
import type { Instances } from './cluster/instances.js'
import type { Heartbeat } from './limits/heartbeat.js'
import type { ByteBudget } from './limits/byte-budget.js'
import type { Holding } from './limits/holders.js'
import type { Outcomes } from './stats.js'
import type { SignalServerEvents } from './events.js'
import type { Settings } from './options.js'
import type { ReadingSlices } from './limits/reading-slices.js'

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
  /** What the limits per address count the client as; undefined where its address is not known. */
  readonly address: string | undefined
  /**
   * The socket's place among those that the server may have. An endpoint keeps its `rank` up to
   * date, and sets `shed` if there is more to do than to end the connection.
   */
  readonly place: Holding
}

/** What the server lends to its endpoints. */
export interface EndpointContext {
  readonly settings: Settings
  readonly heartbeat: Heartbeat
  readonly budget: ByteBudget
  /** Shares the turns of the event loop among the sockets that bring messages. */
  readonly reading: ReadingSlices
  readonly outcomes: Outcomes
  readonly events: EventEmitter<SignalServerEvents>
  /**
   * The other instances, where a bus joins them: with a {@link Presence} an endpoint has its peers
   * on all of them. Without that its peers meet on one instance only.
   */
  readonly instances: Instances | undefined
  /**
   * Counts a client in that came without an upgrade; those that an endpoint accepts are counted.
   *
   * @param shed - ends it, to make room for another client
   * @returns counts it out again
   * @throws HttpRefusal 429 or 503 where there is no room for it
   */
  enter(request: IncomingMessage, shed: () => void): () => void
  /** What the limits per address count a request as; undefined where its address is not known. */
  limited(request: IncomingMessage): string | undefined
}

/**
 * A path with a protocol behind it: what `/introduction` and `/connection` are, and what others
 * plug in with {@link SignalServer.use}.
 */
export interface Endpoint {
  /** Names it in claims, stats and logs. */
  readonly name: string
  /**
   * Set where its clients show what they may do in its own protocol, after the 101: `authorize` is
   * not asked about them then.
   */
  readonly authorizesItself?: true
  /**
   * Where it is, below the mount, such as `/rtc`; `*` for every path that no endpoint before it has.
   * {@link SignalServer.use} refuses an endpoint that would get nothing there.
   * @default not checked
   */
  readonly path?: string
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
  /**
   * Gauges by name, all 0 once every client is gone. Of several processes that are one server they
   * are added up, except those whose names start with `largest`: of these the largest counts.
   */
  stats(): Record<string, number>
  /** The most that gauges of {@link stats} may be, by the same names; Infinity if there is no limit. */
  readonly limits?: Readonly<Record<string, number>>
}

/** Makes an endpoint for one server. */
export type EndpointFactory = (context: EndpointContext) => Endpoint
