import type { EventEmitter } from 'node:events'
import { log } from './log.js'
import type { Outcome } from './stats.js'

/** Two peers of an app, and what they have in common. */
export interface PairEvent {
  app: string
  /** The ids of both. */
  ids: readonly [string, string]
  key: string
}

/** What happened at `/app`. */
export interface TokenEvent {
  /** `password_throttled`: another wrong one, after ten of the same address within a minute. */
  outcome: Extract<
    Outcome,
    'token_issued' | 'token_revoked' | 'wrong_password' | 'password_throttled'
  >
  /** Of the client, behind trusted proxies. */
  address: string
  app?: string
  /** Names the token (`jti`) without being one. */
  tokenId?: string
}

/** What a {@link SignalServer} tells the app that it is part of. */
export interface SignalServerEvents {
  /** It listens at this URL. */
  listening: [event: { url: string }]
  /** A peer has a new introduction socket. */
  session: [event: { app: string; id: string }]
  /** An introduction socket is gone, after so many milliseconds. */
  sessionEnd: [event: { app: string; id: string; lasted: number }]
  /** Two peers were introduced to each other. */
  introduction: [event: { app: string; ids: readonly [string, string]; keys: readonly string[] }]
  /** A peer left keys, or is gone. */
  departure: [event: { app: string; id: string; keys: readonly string[] }]
  /** Two connections were piped together; the first of them had waited so many milliseconds. */
  pair: [event: PairEvent & { waited: number }]
  /** A pipe ended after so many milliseconds, and why. */
  unpair: [event: PairEvent & { outcome: Outcome; lasted: number }]
  /** A request was answered with an HTTP status instead of 101; `url` has no token and no query. */
  refused: [event: { url: string; status: number; code: string; address: string }]
  /** A token was given out or taken back, or a password was wrong. */
  token: [event: TokenEvent]
  /** A fault of the server itself, or of a hook; the server goes on. Unheard ones are only logged. */
  fault: [error: Error]
  /** It was closed. */
  close: []
}

/** Tells of a fault that the server survives. */
export function reportFault(events: EventEmitter<SignalServerEvents>, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  log.server('fault: %s', error.stack)
  events.emit('fault', error)
}
