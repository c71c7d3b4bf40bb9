import type { Random } from '../random.js'
import type { Target } from '../target.js'

/** Something that clients keep until the judges have looked. */
export interface Held {
  close(): unknown
}

/** What a storm leaves behind while the judges look. */
export interface Aftermath {
  /** Connections that stay as they are until the judges have looked. */
  held?: readonly Held[]
  /** What should not have happened, each in a sentence. */
  faults?: readonly string[]
}

/** Many clients that do the same harmful thing at once. */
export interface Storm {
  /** By which it is chosen on the command line. */
  readonly name: string
  /** The row of docs/RELIABILITY.md that says what the server does. */
  readonly row: number
  /**
   * Attacks; ends by itself within some 15 s.
   * @param size - 1 for the size of an attack that is known to have worked; less for less
   */
  run(target: Target, random: Random, size: number): Promise<Aftermath>
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
