import type { EndpointContext } from 'signal-server'

// while the server's memory is short: as much may wait, and for so long without progress
const shortBytes = 64 * 1024
const shortStallTimeout = 5_000
// of small messages most of the cost is not theirs
const mostOverhead = 4

/** Limits of what waits for a client to read it, and of the time for which it reads nothing. */
export class ReaderLimits {
  #sentBefore = 0
  /** Milliseconds in which nothing was read of what has waited for long. */
  #stalled = 0

  constructor(private readonly context: EndpointContext) {}

  /**
   * Whether so much waits that other clients should not add to it.
   * @param cost - bytes of memory
   */
  congested(cost: number): boolean {
    const { budget, settings } = this.context
    return cost > (budget.over ? shortBytes : settings.maxQueuedBytes / 4)
  }

  /**
   * Whether more waits than may.
   * @param bytes - without what their pieces cost
   * @param cost - bytes of memory
   */
  full(bytes: number, cost: number): boolean {
    const { maxQueuedBytes } = this.context.settings
    return bytes > maxQueuedBytes || cost > mostOverhead * maxQueuedBytes
  }

  /**
   * Looks whether anything was read since the last time.
   *
   * @param elapsed - milliseconds since then
   * @param congested - whether much waits
   * @param sent - changes whenever the network takes something
   * @returns false if the client has read nothing for too long
   */
  beat(elapsed: number, congested: boolean, sent: number): boolean {
    this.#stalled = congested && sent === this.#sentBefore ? this.#stalled + elapsed : 0
    this.#sentBefore = sent
    const { budget, settings } = this.context
    const { stallTimeout } = settings
    return this.#stalled < (budget.over ? Math.min(shortStallTimeout, stallTimeout) : stallTimeout)
  }
}
