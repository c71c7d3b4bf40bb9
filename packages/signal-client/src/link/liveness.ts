import type { Outside } from './host.js'

const silence = 4_000
const answerTime = 2_000
const mostPatience = 8

/** What is asked of a link whose liveness is watched. */
export interface Watched {
  /** Whether something was sent on a transport and is not acknowledged. */
  readonly waits: boolean
  /** When something last came on the transport in use. */
  readonly heardAt: number
  ping(): void
  /** Nothing comes any more: dials another socket. */
  doubt(): void
}

/**
 * Finds out that a transport carries nothing any more: if nothing comes for 4 s while something is
 * not acknowledged, a ping is sent; if nothing comes for 2 s more, another socket is dialled.
 */
export class Liveness {
  #stopWatching: (() => void) | undefined
  #stopAsking: (() => void) | undefined
  /** Limits are longer by this factor after false alarms. */
  #patience = 1

  constructor(
    private readonly outside: Outside,
    private readonly watched: Watched,
  ) {}

  /** Something has been sent. */
  sent(): void {
    this.#stopWatching ??= this.#watch(silence * this.#factor)
  }

  #watch(time: number): () => void {
    return this.outside.after(time, () => {
      this.#stopWatching = undefined
      if (!this.watched.waits) return
      const left = this.watched.heardAt + silence * this.#factor - this.outside.now()
      if (left <= 0) this.ask()
      this.#stopWatching ??= this.#watch(left > 0 ? left : silence * this.#factor)
    })
  }

  /** Asks for a sign of life at once. */
  ask(): void {
    if (this.#stopAsking) return
    const askedAt = this.outside.now()
    this.watched.ping()
    this.#stopAsking = this.outside.after(answerTime * this.#factor, () => {
      this.#stopAsking = undefined
      if (this.watched.heardAt >= askedAt) return
      this.watched.doubt()
    })
  }

  /** Something has come on a transport that was in doubt. */
  wasWrong(): void {
    this.#patience = Math.min(mostPatience, this.#patience * 2)
  }

  /** Another transport is in use, or none. */
  stop(): void {
    this.#stopWatching?.()
    this.#stopAsking?.()
    this.#stopWatching = this.#stopAsking = undefined
  }

  get #factor(): number {
    return this.#patience * (this.outside.isSlow() ? 2 : 1)
  }
}
