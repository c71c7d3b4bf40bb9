/**
 * Which peers want which key. A look-up costs the peers of that key and nothing else.
 * Most keys have one peer, so a key holds its peer itself until a second one comes.
 */
export class InterestIndex<P extends object> {
  readonly #byKey = new Map<string, P | Set<P>>()

  /** How many keys have a peer. */
  get keys(): number {
    return this.#byKey.size
  }

  /** How many peers want a key. */
  count(key: string): number {
    const entry = this.#byKey.get(key)
    return entry === undefined ? 0 : entry instanceof Set ? entry.size : 1
  }

  has(key: string, peer: P): boolean {
    const entry = this.#byKey.get(key)
    return entry instanceof Set ? entry.has(peer) : entry === peer
  }

  add(key: string, peer: P): void {
    const entry = this.#byKey.get(key)
    if (entry === undefined) this.#byKey.set(key, peer)
    else if (entry instanceof Set) entry.add(peer)
    else if (entry !== peer) this.#byKey.set(key, new Set([entry, peer]))
  }

  delete(key: string, peer: P): void {
    const entry = this.#byKey.get(key)
    if (entry === peer) this.#byKey.delete(key)
    else if (entry instanceof Set && entry.delete(peer) && entry.size === 0) {
      this.#byKey.delete(key)
    }
  }

  /** The peers of a key; live, so that a peer added meanwhile may or may not be seen. */
  peers(key: string): Iterable<P> {
    const entry = this.#byKey.get(key)
    return entry === undefined ? [] : entry instanceof Set ? entry : [entry]
  }
}
