/** How long to wait before each further attempt. */
export interface Backoff {
  /** Milliseconds until the next attempt is due; 0 or less if it is due. */
  readonly wait: number
  /**
   * An attempt came to nothing: the next one is due after a pause.
   * @param from - when the pause begins, as `performance.now()` has it
   */
  pause: (from?: number) => void
  /** It works again: the next pause is a first one. */
  reset: () => void
}

// a short outage ends soon, and then everybody wants to be back at once
const youth = 120_000
const longestWhileYoung = 5_000
const longest = 30_000
/** After so long without an attempt (milliseconds) earlier ones count no more. */
export const forgottenAfter = 60_000

/**
 * Pauses for anything between nothing and a ceiling that doubles ("full jitter"), so that clients
 * which lost their server together do not come back together. The ceiling is at most 5 s in the
 * first two minutes, and at most 30 s afterwards.
 *
 * @param first - ceiling of the first pause, in milliseconds
 */
export function createBackoff(first = 1_000): Backoff {
  const now = () => performance.now()

  let ceiling = first
  let due = -Infinity
  let failingSince = 0

  return {
    get wait() {
      return due - now()
    },
    pause(from = now()) {
      if (now() - due > forgottenAfter) this.reset()
      if (ceiling === first) failingSince = now()
      due = from + Math.random() * ceiling
      ceiling = Math.min(now() - failingSince < youth ? longestWhileYoung : longest, ceiling * 2)
    },
    reset() {
      ceiling = first
    },
  }
}
