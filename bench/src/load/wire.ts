import type { LoadSocket, Target } from './load-socket.js'

/** How the two ends of a pair reach each other through one kind of contestant. */
export interface Wire {
  /** Opens the side `own` of the connection between `own` and `other`. */
  open(target: Target, own: string, other: string, key: string): Promise<LoadSocket>
  /** A message of so many payload bytes, as it is written. */
  message(payload: number, own: string, other: string): Buffer
  /** How many bytes that message is when it arrives. */
  arriving(payload: number, own: string, other: string): number
  /** How many bytes the server sends to each side once they are paired; none where left out. */
  paired?: number
  /** Bytes that may be under way, where nobody but the writer itself holds the writer back. */
  ahead?: number
}
