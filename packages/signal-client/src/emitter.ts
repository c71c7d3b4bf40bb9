/** How many events wait, at most, for an app that does not listen yet; the oldest go first. */
const mostWaiting = 1_000

/** Listens to an event. */
export type Listener<Args extends unknown[]> = (...args: Args) => void

/**
 * Typed events, told in the order in which they happened, soon after (as microtasks). Those of a
 * type to which nobody has listened yet wait for the first listener, so that nothing is lost to an
 * app that is slow to start; each is told once.
 *
 * @typeParam Events - arguments by event
 */
export class Emitter<Events extends { [Event in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<unknown[]>>>()
  #waiting: { event: keyof Events; args: unknown[] }[] = []

  /**
   * Listens to an event.
   * @returns ends the listening
   */
  on<Event extends keyof Events>(event: Event, listener: Listener<Events[Event]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener as Listener<unknown[]>))
    this.#tell()
    return () => listeners.delete(listener as Listener<unknown[]>)
  }

  protected emit<Event extends keyof Events>(event: Event, ...args: Events[Event]): void {
    this.#waiting.push({ event, args })
    this.#tell()
  }

  #tell(): void {
    // later in this turn: all listeners that an app adds at once hear what waits, in order
    queueMicrotask(() => {
      const told = this.#waiting.splice(0)
      this.#waiting = told.filter(({ event, args }) => {
        const listeners = this.#listeners.get(event)
        // what one of them throws is uncaught, and harms nobody else
        for (const each of listeners ?? []) queueMicrotask(() => each(...args))
        return !listeners
      })
      this.#waiting.splice(0, this.#waiting.length - mostWaiting)
    })
  }
}
