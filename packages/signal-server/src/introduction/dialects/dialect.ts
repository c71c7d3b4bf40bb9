import type { ErrorCode, Json } from 'signal-server-protocol'

/** What a client asks for, whatever its dialect. */
export type Request =
  | { type: 'join'; keys: string[] }
  | { type: 'leave'; keys: string[] }
  | { type: 'announce'; info: Json }
  | { type: 'signal'; to: string; signal: Json }
  | { type: 'ping' }
  | { type: 'nothing' }

/** What is told to a client, whatever its dialect. */
export type Notice =
  | { type: 'welcome'; id: string }
  | {
      type: 'introduction'
      id: string
      keys: readonly string[]
      info: Json | undefined
      /** The session that the peer offered for the link protocol. */
      link: string | undefined
      /** The server has ended the pipe that the two had. */
      again?: true
    }
  | { type: 'update'; id: string; info: Json; keys: readonly string[] }
  | { type: 'departure'; id: string; keys: readonly string[] }
  /** A newer session of the client's id has these keys. */
  | { type: 'replaced'; keys: readonly string[] }
  | { type: 'signal'; from: string; signal: Json }
  | { type: 'pong' }
  | { type: 'error'; code: ErrorCode; message: string; keys?: string[]; id?: string }

/** The wire format of one generation of clients on `/introduction`. */
export interface Dialect {
  readonly name: 'v0' | 'v3' | 'v4' | 'signal.v1'
  /** Whether its messages are binary, in both directions; else text. */
  readonly binary: boolean
  /**
   * The requests in a message of the client's, in the order in which they are carried out.
   * @throws BadMessage where it is none of this dialect
   */
  decode(data: Buffer): Request[]
  /** What to send; undefined where the dialect has no words for it. Many may be sent the same. */
  encode(notice: Notice): Buffer | undefined
}

/** A message that its dialect does not know; the sentence says what was wrong. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage'
}
