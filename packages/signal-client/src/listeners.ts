/**
 * Listeners by event, with the rules of the DOM's EventTarget, which not every platform has: each is
 * there once, hears in the order of its coming, and hears nothing once it is taken off.
 */
export class Listeners<Event, Listener> {
  /** By event; whether it wants to hear one event only. */
  readonly #all = new Map<Event, Map<Listener, boolean>>()

  has(event: Event): boolean {
    return !!this.#all.get(event)?.size
  }

  add(event: Event, listener: Listener, once = false): void {
    const listeners = this.#all.get(event) ?? new Map<Listener, boolean>()
    this.#all.set(event, listeners.set(listener, once))
  }

  remove(event: Event, listener: Listener): void {
    this.#all.get(event)?.delete(listener)
  }

  /** Those to be called now, one after the other. */
  *called(event: Event): Iterable<Listener> {
    const listeners = this.#all.get(event)
    for (const [listener, once] of [...(listeners ?? [])]) {
      // an earlier one may have taken it off
      if (!listeners!.has(listener)) continue
      if (once) listeners!.delete(listener)
      yield listener
    }
  }
}
