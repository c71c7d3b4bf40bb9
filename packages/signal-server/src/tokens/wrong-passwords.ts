// enough for a person who mistypes
const mostAMinute = 10
// what comes from more addresses in one minute is counted together
const mostAddresses = 10_000

/** Counts the wrong passwords of each address, in a bounded amount of memory. */
export class WrongPasswords {
  readonly #counts = new Map<string, number>()
  #minute = 0

  /**
   * Counts one.
   * @returns the seconds to wait before the next one; 0 if there were few
   */
  count(address: string): number {
    const minutes = performance.now() / 60_000
    if (Math.floor(minutes) !== this.#minute) {
      this.#minute = Math.floor(minutes)
      this.#counts.clear()
    }
    const known = this.#counts.has(address) || this.#counts.size < mostAddresses
    const name = known ? address : 'others'
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    return count > mostAMinute ? Math.ceil((this.#minute + 1 - minutes) * 60) : 0
  }
}
