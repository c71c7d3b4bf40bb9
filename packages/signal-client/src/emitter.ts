import { Listeners } from './listeners.js'

/** How many events wait, at most, while nobody listens to them; the oldest go first. */
const mostWaiting = 1_000

/** Listens to an event. */
export type Listener<Args extends unknown[]> = (...args: Args) => void

/**
 * Typed events, told in the order in which they happened, soon after (as microtasks). An event to
 * which nobody listens waits for the next listener, so that nothing is lost to an app that is slow
 * to start, or that takes a listener off and puts another on; each event is told once.
 *
 * @typeParam Events - arguments by event
 */
export class Emitter<Events extends { [Event in keyof Events]: unknown[] }> {
  readonly #listeners = new Listeners<keyof Events, Listener<unknown[]>>()
  readonly #waiting: { event: keyof Events; args: unknown[] }[] = []
  #telling = false

  /**
   * Listens to an event.
   * @param options - `once`: only to the next one
   * @returns ends the listening
   */
  on<Event extends keyof Events>(
    event: Event,
    listener: Listener<Events[Event]>,
    { once = false } = {},
  ): () => void {
    this.#listeners.add(event, listener as Listener<unknown[]>, once)
    this.#tell()
    return () => this.off(event, listener)
  }

  /**
   * Listens to the next event only.
   * @returns ends the listening
   */
  once<Event extends keyof Events>(event: Event, listener: Listener<Events[Event]>): () => void {
    return this.on(event, listener, { once: true })
  }

  /** Ends the listening. */
  off<Event extends keyof Events>(event: Event, listener: Listener<Events[Event]>): void {
    this.#listeners.remove(event, listener as Listener<unknown[]>)
  }

  protected emit<Event extends keyof Events>(event: Event, ...args: Events[Event]): void {
    this.#waiting.push({ event, args })
    this.#tell()
  }

  /** Whether anybody listens to an event at present. */
  protected hears(event: keyof Events): boolean {
    return this.#listeners.has(event)
  }

  #tell(): void {
    if (this.#telling) return
    this.#telling = true
    // later in this turn: all listeners that an app adds at once hear what waits, in order
    queueMicrotask(() => this.#tellNext())
  }

  #tellNext(): void {
    const waiting = this.#waiting
    const at = waiting.findIndex(({ event }) => this.#listeners.has(event))
    this.#telling = at >= 0
    if (!this.#telling) {
      waiting.splice(0, waiting.length - mostWaiting)
      return
    }
    const [{ event, args }] = waiting.splice(at, 1) as [(typeof waiting)[0]]
    for (const each of this.#listeners.called(event)) {
      // what one of them throws is uncaught, and harms nobody else
      queueMicrotask(() => each(...args))
    }
    // when they have heard it: one of them may end its listening
    queueMicrotask(() => this.#tellNext())
  }
}
