import type { Batch } from './operations.js'

/** What the primary process and its workers tell each other, beside the sockets. */
export type WorkerMessage =
  /** To a worker, with a socket: serve it; `head` was read from it already. */
  | { t: 'socket'; head: Uint8Array }
  /** To a worker: stop. */
  | { t: 'stop' }
  /** To the primary, every now and then: this process is not stuck. */
  | { t: 'alive' }
  /** To the primary: sockets may come. */
  | { t: 'ready' }
  /** To the primary: sockets must not come any more; it answers with the same when none is on its way. */
  | { t: 'leave' }
  /** Of the bus: to the primary as to a worker. */
  | Batch
  /** The oldest batch that was not acknowledged yet has been carried out. */
  | { t: 'done' }

/** How often a worker says that it is not stuck, in milliseconds. */
export const aliveInterval = 2_000

/** In the environment of a worker: its number, and the port that the primary listens on. */
export const workerVariable = 'SIGNAL_WORKER'
