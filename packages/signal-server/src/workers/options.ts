/** How many processes serve one port, and what they run. */
export interface WorkersOptions {
  /** Number of processes. */
  count: number
  /** The script that each runs; it calls {@link Worker.current}. */
  script: string
  /** Its arguments. @default none */
  args?: readonly string[]
  port: number
  /** @default all interfaces */
  host?: string
  /** Below which everything is, such as `/signal`. @default the root */
  mount?: string
  /** Whether the workers speak TLS, so that only they can read what a socket asks for. */
  tls?: boolean
  /**
   * Milliseconds of silence after which a worker counts as stuck, and is replaced within 2 s more.
   * Each worker sends a sign of life every 2 s.
   * @default 30000
   */
  stuckAfter?: number
}

/** What {@link Workers} tell. */
export interface WorkersEvents {
  /** A process has ended that was not told to: another one takes its place. */
  replaced: [{ number: number; pid: number | undefined; why: string }]
}
