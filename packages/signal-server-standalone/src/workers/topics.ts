import type { Stats } from 'signal-server'

/** What the processes of the command tell each other, beside what the library does. */
export const topics = {
  /** A question to the primary: what a worker needs to start. */
  start: 'command:start',
  /** A question to every worker: what it counts. */
  report: 'command:report',
  /** A question to the primary: the metrics of all. */
  metrics: 'command:metrics',
  /** To every worker, once a second: what all count together. */
  stats: 'command:stats',
  /** To everyone: this token was revoked. */
  revoked: 'command:revoked',
} as const

/** What the primary tells a worker that starts. */
export interface Start {
  /** Makes the names of ids in the logs of all the same. */
  salt: Uint8Array
  /** Ids of tokens that were revoked. */
  revoked: readonly string[]
}

/** What one worker counts. */
export interface Report {
  number: number
  pid: number
  stats: Stats
  /** As JSON, where they were asked for. */
  metrics?: readonly object[]
}
