import type { CloseCode } from 'signal-server-protocol'
import type { Rank } from '../../limits/holders.js'
import type { Outcome } from '../../stats.js'
import type { FrameSink } from './frame-translator.js'

/** Who gets what one end sends: a hold, or one direction of a pipe. */
export interface PipeReceiver extends FrameSink {
  /** What an end does whose bytes go here. */
  readonly rank: Rank
  /**
   * The end must go: with this close code, or without one where its connection is gone.
   *
   * @param otherCode - for the other end of a pipe; 4410 where left out
   */
  failed(code: CloseCode | undefined, outcome: Outcome, otherCode?: CloseCode): void
  /** The end must go to make room for another client. */
  shed(): void
  /** What waits to be sent to the client of the end was written: it has room again. */
  sendQueueDrained?(): void
  /** The end's client has read nothing of what waits for it for the stall timeout. */
  stalled(): void
  /**
   * Says how many bytes were read from the end before a pause, and come after it. They count against
   * the budget already. Called about once a second.
   */
  readAhead?(bytes: number): void
  /** Called about once a second. */
  beat?(now: number): void
}

/** What the translator of one end tells the other. */
export interface FrameState {
  /** Whether what it has put out so far ends between two frames. */
  readonly atBoundary: boolean
  /** Whether a close frame has come from there. */
  readonly closed: boolean
}

/** One end of a pipe. */
export interface PipeEnd {
  /** Whether it offered `signal.v1`. */
  readonly v1: boolean
  /** What its client offered for the link protocol; undefined once it is part of a pipe. */
  hello: string | undefined
  /** Whether its client is connected to this instance. */
  readonly isHere: boolean
  /** What has come from it. */
  readonly translator: FrameState & { takeMessages(): number }
  /** What comes from the other end, whose frames go out here. */
  source: Pick<FrameState, 'atBoundary'> | undefined
  /** Gets what it sends, from now on. */
  set receiver(receiver: PipeReceiver)
  /** Bytes that wait to be written to its client. */
  readonly queued: number
  /** Milliseconds for which these have not moved; 0 where there are none. */
  readonly stalledFor: number
  /** Of its TCP connection, where it has one. */
  readonly localPort?: number | undefined
  readonly remotePort?: number | undefined
  /** Whether so much waits that the other end had better pause until `sendQueueDrained`. */
  readonly congested: boolean

  write(bytes: Buffer): void
  /** What is written from now to the end of this turn goes out in one piece. */
  cork?(): void
  /** Writes a close frame that came from the other end; the client has to answer it. */
  passClose(payload: Buffer): void
  /** Reads it no longer, for one of the reasons in `Pause`. */
  pause(reason: number): void
  /** Reads it again, where it is not paused for another reason. */
  resume(reasons: number): void
  /**
   * Ends it: a close frame where one may be put in, then the TCP connection once the client has
   * answered; a plain disconnect otherwise.
   */
  close(code: CloseCode): void
  /** Ends the TCP connection once everything is written; what still comes is thrown away. */
  finish(): void
  /** Ends it at once. */
  destroy(): void
  /** Calls back when its connection has closed. */
  whenClosed(callback: () => void): void
}
