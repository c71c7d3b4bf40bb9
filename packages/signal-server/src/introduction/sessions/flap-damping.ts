const window = 10_000
const pause = 2_000
const free = 3
// a key of 36 characters and an id as long take some 300 bytes: 10 MB; at most 21 MB
const mostRemembered = 32_768
const tick = 250

/** An introduction that waits until its pause is over. */
export interface Delayed<S = unknown> {
  readonly app: string
  readonly id: string
  readonly key: string
  /** Whether the others know the peer on the key, from before. */
  readonly shown: boolean
  /** Whether the session that is introduced has not asked for that, and is told when the others are. */
  heir: boolean
  /** Sessions of the peer that have lost the key meanwhile, and are told so when the others are told. */
  replaced?: Set<S>
}

/**
 * Says when a peer that comes back to a key may be introduced to the others again: at once three
 * times within 10 s, and then 2 s after the last time at the earliest.
 *
 * What it remembers is bounded. Introductions that wait are keys that a peer has joined. Of those that
 * were made lately, the oldest are forgotten after 20 s at the latest, or when there are too many.
 */
export class FlapDamping<S = unknown> {
  /** Times of the last introductions, by app, id and key. */
  #recent = new Map<string, number[]>()
  /** Those that are forgotten next. */
  #older = new Map<string, number[]>()
  /** By app and id, and by key. */
  readonly #delayed = new Map<string, Map<string, Delayed<S>>>()
  readonly #byDue = new Map<number, Delayed<S>[]>()
  #ticking: NodeJS.Timeout | undefined
  #forgetting: NodeJS.Timeout | undefined

  /** @param due - called with introductions whose pause is over: each is to be released first */
  constructor(private readonly due: (delayed: readonly Delayed<S>[]) => void) {}

  /** How many peers on keys are remembered that were introduced lately. */
  get size(): number {
    return this.#recent.size + this.#older.size
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
    const name = nameOf(app, id, key)
    const times = this.#times(name)?.filter((time) => time > now - window)
    if (times && times.length >= free && now < times.at(-1)! + pause) {
      this.#delay({ app, id, key, shown, heir }, times.at(-1)! + pause)
      return false
    }
    this.#remember(name, times, now)
    return true
  }

  /** A session has lost a key to a newer one whose introduction waits. */
  replace(app: string, id: string, key: string, session: S): void {
    const waiting = this.#find(app, id, key)
    if (waiting) (waiting.replaced ??= new Set()).add(session)
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
  release(delayed: Delayed<S>): boolean {
    const { app, id, key } = delayed
    if (this.#find(app, id, key) !== delayed) return false
    this.#drop(delayed)
    const name = nameOf(app, id, key)
    this.#remember(name, this.#times(name), performance.now())
    return true
  }

  close(): void {
    clearInterval(this.#ticking)
    clearInterval(this.#forgetting)
    this.#byDue.clear()
  }

  #find(app: string, id: string, key: string): Delayed<S> | undefined {
    if (this.#delayed.size === 0) return undefined
    return this.#delayed.get(nameOf(app, id))?.get(key)
  }

  #delay(delayed: Delayed<S>, due: number): void {
    const { app, id, key } = delayed
    const ofPeer = this.#delayed.get(nameOf(app, id)) ?? new Map<string, Delayed<S>>()
    this.#delayed.set(nameOf(app, id), ofPeer.set(key, delayed))
    const slot = Math.ceil(due / tick)
    const others = this.#byDue.get(slot)
    if (others) others.push(delayed)
    else this.#byDue.set(slot, [delayed])
    this.#ticking ??= setInterval(() => this.#tick(), tick).unref()
  }

  #drop({ app, id, key }: Delayed<S>): void {
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

  #times(name: string): readonly number[] | undefined {
    return this.#recent.get(name) ?? this.#older.get(name)
  }

  #remember(name: string, times: readonly number[] = [], now: number): void {
    this.#recent.set(name, times.length > 0 ? [...times.slice(1 - free), now] : [now])
    if (this.#recent.size >= mostRemembered / 2) this.#forget()
    this.#forgetting ??= setInterval(() => this.#forget(), window).unref()
  }

  #forget(): void {
    this.#older = this.#recent
    this.#recent = new Map()
    if (this.#older.size > 0) return
    clearInterval(this.#forgetting)
    this.#forgetting = undefined
  }
}

/** A name that no other parts have: the lengths say where each ends. */
const nameOf = (app: string, id: string, key = '') => `${app.length}:${app}${id.length}:${id}${key}`
