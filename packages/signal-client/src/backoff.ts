/** How long to wait before each further attempt. */
export interface Backoff {
  /** @returns milliseconds until the next attempt */
  next: () => number
  /** It works again: the next wait is a first one. */
  reset: () => void
}

/**
 * Waits anything between nothing and a ceiling that doubles ("full jitter"), so that clients which
 * lost their server together do not come back together.
 *
 * @param first - ceiling of the first wait, in milliseconds
 * @param longest - ceiling of all further ones, in milliseconds
 * @param random - from 0 to 1
 */
export function createBackoff(
  first = 1_000,
  longest = 30_000,
  random: () => number = Math.random,
): Backoff {
  let ceiling = first
  return {
    next() {
      const wait = random() * ceiling
      ceiling = Math.min(longest, ceiling * 2)
      return wait
    },
    reset() {
      ceiling = first
    },
  }
}
