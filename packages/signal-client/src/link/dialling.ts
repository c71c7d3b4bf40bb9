import type { Backoff } from './backoff.js'
import { isLess } from './code-points.js'
import type { Dial } from './dial.js'
import type { Outside } from './host.js'

// a peer may know other keys than this end: one more is tried every 2 s
const moreInterval = 2_000
const mostDials = 8
// a socket that is not paired for so long may be dead without a word. It is replaced early only once:
// the server must be able to end its wait after 120 s, for then it introduces both ends again
const firstWait = 20_000
const laterWait = 130_000

/** What dialling needs to know of a link, and asks of it. */
export interface DialTarget {
  /** Whether the link has no transport, and may look for one. */
  readonly needsTransport: boolean
  readonly isServerReachable: boolean
  /** The shared keys that have no raw pipe and were not refused, in any order. */
  candidates(): Iterable<string>
  isCandidate(key: string): boolean
  dial(key: string): Dial
}

/**
 * Which key a link dials, and when. Before the first pairing that is the least key that both ends
 * share; afterwards it is the path key, that of the first pairing, as long as it is shared. State decides: a link with shared
 * keys and without a transport dials.
 */
export class Dialling {
  /** Dials that have no transport in use, by key: the newest of each. */
  readonly #pending = new Map<string, Dial>()
  #pathKey: string | undefined
  #hasReplaced = false
  #stopRedial: (() => void) | undefined
  #stopMore: (() => void) | undefined

  constructor(
    private readonly outside: Outside,
    private readonly target: DialTarget,
    private readonly backoff: Backoff,
  ) {}

  /** Dials that wait, or are paired and have carried no record. */
  get pending(): Dial[] {
    return [...this.#pending.values()]
  }

  /** Something has changed: dials if that is due. */
  update(): void {
    const key = this.target.needsTransport ? this.#best() : undefined
    if (key === undefined) return this.#rest()
    if (this.#pending.size === 0) this.#redial()
    else if (this.#pathKey === undefined && isLess(key, this.#least(this.#pending.keys())!))
      this.dial(key)
    this.#stopMore ??= this.outside.after(moreInterval, () => this.#more())
  }

  /** Dials a key now, unless that is under way. */
  dial(key: string): void {
    if (!this.#pending.has(key)) this.#pending.set(key, this.target.dial(key))
  }

  isPending(dial: Dial): boolean {
    return this.#pending.get(dial.key) === dial
  }

  /** A dial has become a transport. */
  attached(dial: Dial): void {
    this.#forget(dial)
    this.#pathKey ??= dial.key
    this.backoff.reset()
    this.#hasReplaced = false
    this.giveUp()
  }

  /** Gives up all dials that are not paired. */
  giveUp(): void {
    this.#rest()
    for (const dial of this.pending) if (!dial.hello) this.drop(dial)
  }

  /** Gives a dial up. */
  drop(dial: Dial, code = 1000): void {
    this.#forget(dial)
    dial.close(code)
  }

  /** A dial has ended, or is a raw pipe now. */
  ended(dial: Dial): void {
    this.#forget(dial)
  }

  /** A key belongs to another session, or this session has lost it. */
  lose(key: string): void {
    const dial = this.#pending.get(key)
    if (dial) this.drop(dial)
  }

  /** Another life begins, or none. */
  reset(): void {
    for (const dial of this.pending) this.drop(dial)
    this.#pathKey = undefined
    this.#rest()
  }

  #best(): string | undefined {
    const least = this.#least(this.target.candidates())
    if (least === undefined || this.#pathKey === undefined) return least
    return this.target.isCandidate(this.#pathKey) ? this.#pathKey : (this.#pathKey = least)
  }

  #least(keys: Iterable<string>, except?: ReadonlyMap<string, unknown>): string | undefined {
    let least: string | undefined
    for (const key of keys) {
      if (!except?.has(key) && (least === undefined || isLess(key, least))) least = key
    }
    return least
  }

  #redial(): void {
    if (this.#stopRedial) return
    const wait = this.backoff.due - this.outside.now()
    if (wait > 0) {
      this.#stopRedial = this.outside.after(wait, () => {
        this.#stopRedial = undefined
        this.#redialNow()
      })
    } else this.#redialNow()
  }

  #redialNow(): void {
    const key = this.target.needsTransport ? this.#best() : undefined
    if (key === undefined || this.#pending.size > 0) return
    const { outside, target } = this
    this.backoff.dialled(outside.now(), target.isServerReachable, outside.random())
    this.dial(key)
  }

  #more(): void {
    this.#stopMore = undefined
    if (!this.target.needsTransport) return
    const longAgo = this.outside.now() - (this.#hasReplaced ? laterWait : firstWait)
    for (const dial of this.pending) {
      if (dial.madeAt > longAgo || dial.hello) continue
      this.#hasReplaced = true
      this.drop(dial)
      this.dial(dial.key)
    }
    const key = this.#least(this.target.candidates(), this.#pending)
    if (key !== undefined && this.#pending.size > 0 && this.#pending.size < mostDials) {
      this.dial(key)
    }
    this.update()
  }

  #rest(): void {
    this.#stopRedial?.()
    this.#stopMore?.()
    this.#stopRedial = this.#stopMore = undefined
  }

  #forget(dial: Dial): boolean {
    return this.isPending(dial) && this.#pending.delete(dial.key)
  }
}
