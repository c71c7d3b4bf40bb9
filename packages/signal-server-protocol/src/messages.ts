import type { ErrorCode } from './error-codes.js'

/** Anything that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** The WebSocket subprotocol (RFC 6455 §1.9) of this generation of the protocol. */
export const SUBPROTOCOL = 'signal.v1'

/** In front of a token that is brought as a subprotocol, beside {@link SUBPROTOCOL}. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'signal.token.'

/**
 * In front of what a client offers beside {@link SUBPROTOCOL} if it speaks the link protocol, version 1:
 * on `/introduction` its session (8 bytes as base64url without padding, 11 characters), on `/connection`
 * its hello (20 to 300 characters of base64url). The server selects {@link SUBPROTOCOL}, never this.
 */
export const LINK_SUBPROTOCOL_PREFIX = 'signal.link.1.'

/** The peer wants introductions for these keys; also asks again for keys joined before. */
export interface Join {
  type: 'Join'
  join: string[]
}

/** The peer no longer wants these keys. */
export interface Leave {
  type: 'Leave'
  leave: string[]
}

/** This peer's public info (at most 1 KiB of JSON), shown to the peers it shares a key with. */
export interface Announce {
  type: 'Announce'
  info: Json
}

/** Any JSON for one peer that shares a key. */
export interface SignalTo {
  type: 'Signal'
  to: string
  signal: Json
}

/** Asks for a {@link Pong}: a browser cannot send WebSocket pings, nor see the server's. */
export interface Ping {
  type: 'Ping'
}

/** What a `signal.v1` client sends on the introduction socket, as JSON text. */
export type ClientMessage = Join | Leave | Announce | SignalTo | Ping

/** An entry of `RTCConfiguration.iceServers` (WebRTC 1.0 §4.2.3). */
export interface IceServer {
  urls: string | string[]
  username?: string
  credential?: string
}

/** The first message on every introduction socket. */
export interface Welcome {
  type: 'Welcome'
  id: string
  server: { name: string; version: string }
  iceServers?: IceServer[]
}

/**
 * Another peer wants these keys too. May come more than once for one peer. All keys of one Introduction
 * belong to the same session of that peer.
 */
export interface Introduction {
  type: 'Introduction'
  id: string
  keys: string[]
  info?: Json
  /**
   * The session that the peer offered behind {@link LINK_SUBPROTOCOL_PREFIX}; missing if it offered none.
   */
  link?: string
  /**
   * The server has ended the pipe of the two on these keys: what a client still holds of it is
   * dead, even if its network has not told it so.
   */
  again?: true
}

/** A peer that was introduced has new info. */
export interface Update {
  type: 'Update'
  id: string
  info: Json
  /** The keys that the two share on which this info is shown. */
  keys: string[]
}

/** A peer has left these keys, or is gone. */
export interface Departure {
  type: 'Departure'
  id: string
  keys: string[]
}

/** A newer session of this client's own id has these keys: their introductions go there. */
export interface Replaced {
  type: 'Replaced'
  keys: string[]
}

/** A signal from another peer; the server stamps `from`. */
export interface SignalFrom {
  type: 'Signal'
  from: string
  signal: Json
}

/** The answer to each {@link Ping}. */
export interface Pong {
  type: 'Pong'
}

/** Something that this client sent was refused. */
export interface ErrorMessage {
  type: 'Error'
  code: ErrorCode
  message: string
  /** The keys that it is about, where it is about some of them only. */
  keys?: string[]
  /** The peer that it is about. */
  id?: string
}

/** What the server sends to a `signal.v1` client on the introduction socket, as JSON text. */
export type ServerMessage =
  Welcome | Introduction | Update | Departure | Replaced | SignalFrom | Pong | ErrorMessage

/**
 * The first data frame of a paired connection, for clients that offered {@link SUBPROTOCOL} on
 * `/connection`; everything after it is the peer's.
 */
export interface Paired {
  type: 'Paired'
  /**
   * The hello that the other client offered behind {@link LINK_SUBPROTOCOL_PREFIX}. Either both clients
   * of a pair get one, or neither: it is there only if both offered one.
   */
  link?: string
}

/** A {@link Paired} without `link` as it stands on the wire, to the byte. */
export const PAIRED_TEXT = '{"type":"Paired"}'
