import type { Outside } from './host.js'

/** Timers with names, each of which runs once. */
export class Timers<Name extends string> {
  readonly #stops = new Map<Name, () => void>()

  constructor(private readonly outside: Pick<Outside, 'after'>) {}

  /** Calls back after so many milliseconds, unless a timer of this name runs already. */
  start(name: Name, milliseconds: number, run: () => void): void {
    if (this.#stops.has(name)) return
    const stop = this.outside.after(milliseconds, () => {
      this.#stops.delete(name)
      run()
    })
    this.#stops.set(name, stop)
  }

  stop(...names: readonly Name[]): void {
    for (const name of names) {
      this.#stops.get(name)?.()
      this.#stops.delete(name)
    }
  }

  stopAll(): void {
    this.stop(...this.#stops.keys())
  }
}
