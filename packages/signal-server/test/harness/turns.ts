/** The CPU time of this process in each turn of its event loop: not what others took meanwhile. */
export class Turns {
  readonly #cpu: number[] = []
  #last = process.cpuUsage()
  #on = true

  constructor() {
    this.#turn()
  }

  /** @returns milliseconds, the longest first */
  stop(): number[] {
    this.#on = false
    return this.#cpu.sort((a, b) => b - a)
  }

  readonly #turn = () => {
    const { user, system } = process.cpuUsage(this.#last)
    this.#last = process.cpuUsage()
    this.#cpu.push((user + system) / 1_000)
    if (this.#on) setImmediate(this.#turn)
  }
}
