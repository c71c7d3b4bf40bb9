import type { Bus } from '../bus/bus.js'

/**
 * A bus for tests, with the outages of a real engine. Give it to your servers instead of the bus that
 * carries its messages, and test what the servers do.
 *
 * ```ts
 * const bus = new FaultyBus(new LocalBus())
 * const servers = [new SignalServer({ bus }), new SignalServer({ bus })]
 * bus.cut()
 * bus.mend()
 * ```
 */
export class FaultyBus implements Bus {
  readonly #listeners = new Set<(up: boolean) => void>()
  #cut = false
  #up: boolean

  /** @param bus - carries the messages, while this one is not cut */
  constructor(private readonly bus: Bus) {
    this.#up = bus.up
    bus.watch(() => this.#tell())
  }

  get up(): boolean {
    return this.#up
  }

  get reason(): string | undefined {
    return this.#cut ? 'A test has cut the bus.' : this.bus.reason
  }

  get congested(): boolean {
    return this.bus.congested ?? false
  }

  /** Drops all messages from now on, those under way too, and tells the watchers that it is down. */
  cut(): void {
    this.#cut = true
    this.#tell()
  }

  /** Carries messages again. */
  mend(): void {
    this.#cut = false
    this.#tell()
  }

  publish(topic: string, message: Uint8Array): void {
    if (!this.#cut) this.bus.publish(topic, message)
  }

  subscribe(topic: string, handler: (message: Buffer) => void): Promise<() => void> {
    return this.bus.subscribe(topic, (message) => {
      if (!this.#cut) handler(message)
    })
  }

  watch(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  drained(): Promise<void> {
    return this.bus.drained?.() ?? Promise.resolve()
  }

  #tell(): void {
    const up = this.bus.up && !this.#cut
    if (up === this.#up) return
    this.#up = up
    for (const listener of [...this.#listeners]) listener(up)
  }
}
