import type { Stats } from 'signal-server'

/** What is there at one moment, and what went through in the second before it. */
export interface Sample {
  /** Milliseconds since 1970. */
  at: number
  /** Seconds since the start. */
  uptime: number
  peers: number
  keys: number
  waiting: number
  pipes: number
  /** A second. */
  bytes: number
  /** A second. */
  messages: number
}

const kept = 300

/** What a server does, look by look; told of it once a second, it remembers five minutes. */
export class Traffic {
  readonly #samples: Sample[] = []
  readonly #watchers = new Set<(sample: Sample) => void>()
  /** Viewers of the page that shows it. */
  viewers = 0
  #before: { at: number; bytes: number; messages: number } | undefined

  /** The last five minutes, oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  /**
   * Calls back with each sample from now on.
   * @returns stops that
   */
  watch(watcher: (sample: Sample) => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Takes a sample; the first look is what the next is compared with. */
  look(stats: Stats): void {
    const now = this.#totals(stats)
    const before = this.#before
    this.#before = now
    if (!before) return
    const seconds = Math.max(0.001, (now.at - before.at) / 1_000)
    const { introduction = {}, connection = {} } = stats.endpoints
    const sample: Sample = {
      at: Date.now(),
      uptime: Math.round(stats.uptime),
      peers: introduction['peers'] ?? 0,
      keys: introduction['keys'] ?? 0,
      waiting: connection['waiting'] ?? 0,
      pipes: connection['pipes'] ?? 0,
      bytes: Math.round((now.bytes - before.bytes) / seconds),
      messages: Math.round((now.messages - before.messages) / seconds),
    }
    this.#samples.push(sample)
    if (this.#samples.length > kept) this.#samples.shift()
    for (const watcher of this.#watchers) watcher(sample)
  }

  #totals({ pipedBytes, pipedMessages, introductionMessages }: Stats) {
    return {
      at: performance.now(),
      bytes: pipedBytes,
      messages: pipedMessages + introductionMessages,
    }
  }
}
