const window = 10_000
const pause = 2_000
const free = 3
// a key of 36 characters and an id as long take some 300 bytes: 10 MB; at most 21 MB
const mostRemembered = 32_768
const tick = 250

/** An introduction that waits until its pause is over. */
export interface Delayed {
  readonly app: string
  readonly id: string
  readonly key: string
  /** Whether the others know the peer on the key, from before. */
  readonly shown: boolean
  /** Whether the session that is introduced has not asked for that, and is told when the others are. */
  heir: boolean
}

/**
 * Says when a peer that comes back to a key may be introduced to the others again: at once three
 * times within 10 s, and then 2 s after the last time at the earliest.
 *
 * What it remembers is bounded. Introductions that wait are keys that a peer has joined. Of those that
 * were made in the last 10 s, the oldest are forgotten when there are too many.
 */
export class FlapDamping {
  /** Times of the last introductions, by app, id and key; the most recent ones are at the end. */
  readonly #recent = new Map<string, number[]>()
  /** By app and id, and by key. */
  readonly #delayed = new Map<string, Map<string, Delayed>>()
  readonly #byDue = new Map<number, Delayed[]>()
  #ticking: NodeJS.Timeout | undefined
  #forgetting: NodeJS.Timeout | undefined

  /** @param due - called with introductions whose pause is over: each is to be released first */
  constructor(private readonly due: (delayed: readonly Delayed[]) => void) {}

  /** How many introductions of the last 10 s are remembered. */
  get size(): number {
    return this.#recent.size
  }

  /**
   * A peer has come to a key, or is to be introduced there once more.
   * @returns whether the others may be told now; otherwise this is due later
   */
  admit({ app, id, key, shown, heir }: Delayed): boolean {
    const waiting = this.#find(app, id, key)
    if (waiting) {
      waiting.heir ||= heir
      return false
    }
    const now = performance.now()
    const times = this.#recent.get(nameOf(app, id, key))?.filter((time) => time > now - window)
    if (times && times.length >= free && now < times.at(-1)! + pause) {
      this.#delay({ app, id, key, shown, heir }, times.at(-1)! + pause)
      return false
    }
    this.#remember(nameOf(app, id, key), times, now)
    return true
  }

  /** Whether the introduction of a peer on a key waits. */
  isDelayed(app: string, id: string, key: string): boolean {
    return this.#find(app, id, key) !== undefined
  }

  /** Whether the others do not know a peer on a key, because its introduction waits. */
  isHidden(app: string, id: string, key: string): boolean {
    return this.#find(app, id, key)?.shown === false
  }

  /**
   * A peer has left a key.
   * @returns whether the others know it there
   */
  leave(app: string, id: string, key: string): boolean {
    const waiting = this.#find(app, id, key)
    if (waiting) this.#drop(waiting)
    return waiting?.shown ?? true
  }

  /** @returns whether an introduction that is due is still wanted: it is to be made now */
  release(delayed: Delayed): boolean {
    const { app, id, key } = delayed
    if (this.#find(app, id, key) !== delayed) return false
    this.#drop(delayed)
    const name = nameOf(app, id, key)
    this.#remember(name, this.#recent.get(name), performance.now())
    return true
  }

  close(): void {
    clearInterval(this.#ticking)
    clearTimeout(this.#forgetting)
    this.#byDue.clear()
  }

  #find(app: string, id: string, key: string): Delayed | undefined {
    if (this.#delayed.size === 0) return undefined
    return this.#delayed.get(nameOf(app, id))?.get(key)
  }

  #delay(delayed: Delayed, due: number): void {
    const { app, id, key } = delayed
    const ofPeer = this.#delayed.get(nameOf(app, id)) ?? new Map<string, Delayed>()
    this.#delayed.set(nameOf(app, id), ofPeer.set(key, delayed))
    const slot = Math.ceil(due / tick)
    const others = this.#byDue.get(slot)
    if (others) others.push(delayed)
    else this.#byDue.set(slot, [delayed])
    this.#ticking ??= setInterval(() => this.#tick(), tick).unref()
  }

  #drop({ app, id, key }: Delayed): void {
    const ofPeer = this.#delayed.get(nameOf(app, id))
    if (ofPeer?.delete(key) && ofPeer.size === 0) this.#delayed.delete(nameOf(app, id))
  }

  #tick(): void {
    const now = performance.now() / tick
    for (const [slot, delayed] of this.#byDue) {
      if (slot > now) continue
      this.#byDue.delete(slot)
      this.due(delayed)
    }
    if (this.#byDue.size > 0) return
    clearInterval(this.#ticking)
    this.#ticking = undefined
  }

  #remember(name: string, times: readonly number[] = [], now: number): void {
    this.#recent.delete(name)
    this.#recent.set(name, [...times.slice(1 - free), now])
    for (const [oldest, last] of this.#recent) {
      if (this.#recent.size <= mostRemembered && last.at(-1)! > now - window) break
      this.#recent.delete(oldest)
    }
    this.#forgetting ??= setTimeout(() => this.#forget(), window).unref()
  }

  #forget(): void {
    this.#forgetting = undefined
    const now = performance.now()
    for (const [name, times] of this.#recent) {
      if (times.at(-1)! > now - window) break
      this.#recent.delete(name)
    }
    if (this.#recent.size > 0) this.#forgetting = setTimeout(() => this.#forget(), window).unref()
  }
}

/** A name that no other parts have: the lengths say where each ends. */
const nameOf = (...parts: string[]) => parts.map((part) => `${part.length}:${part}`).join('')
