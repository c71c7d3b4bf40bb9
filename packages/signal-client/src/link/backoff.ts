// while the server can be reached: at once, then soon again
const firstPause = 50
const longestPause = 2_000
// otherwise many clients have lost it together, and must not come back together
const firstCeiling = 1_000
const youth = 120_000
const longestWhileYoung = 5_000
const longest = 30_000

/** When the next dial of a link is due. */
export class Backoff {
  #failures = 0
  #failingSince = 0
  /** When the next dial may be made, by the clock of the links. */
  due = -Infinity

  /** A dial is made: the next one is due after a pause, which is longer each time. */
  dialled(now: number, isServerReachable: boolean, random: number): void {
    if (this.#failures === 0) this.#failingSince = now
    this.due = now + this.#pause(now, isServerReachable, random)
    this.#failures++
  }

  /** A pairing has carried a record. */
  reset(): void {
    this.#failures = 0
    this.due = -Infinity
  }

  #pause(now: number, isServerReachable: boolean, random: number): number {
    if (isServerReachable) return Math.min(longestPause, firstPause * 2 ** this.#failures)
    const most = now - this.#failingSince < youth ? longestWhileYoung : longest
    return random * Math.min(most, firstCeiling * 2 ** this.#failures)
  }
}
