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
  /** To the primary: send me this topic; it answers with the same. */
  | { t: 'subscribe'; topic: string; number: number }
  | { t: 'unsubscribe'; topic: string }
  /** To the primary, and on to those who subscribe. */
  | { t: 'publish'; topic: string; message: Uint8Array }

/** How often a worker says that it is not stuck, in milliseconds. */
export const aliveInterval = 2_000

/** In the environment of a worker: its number, and the port that the primary listens on. */
export const workerVariable = 'SIGNAL_WORKER'
