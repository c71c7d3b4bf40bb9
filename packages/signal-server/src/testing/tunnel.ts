import type { Socket } from 'node:net'

/** What holds for all connections of a proxy. */
export interface Condition {
  stalled: boolean
  /** In milliseconds. */
  delay: number
}

/** One connection through a proxy: two sockets, and what passes between them. */
export class Tunnel {
  readonly #directions: readonly [Direction, Direction]
  #mute = false

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    condition: Condition,
  ) {
    this.#directions = [new Direction(near, far, condition), new Direction(far, near, condition)]
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', (broken) => {
        if (this.#mute) return
        if (broken) other.resetAndDestroy()
        else other.destroySoon()
      })
    }
  }

  /** Looks whether something may pass. */
  look(): void {
    for (const direction of this.#directions) direction.look()
  }

  reset(): void {
    this.near.resetAndDestroy()
    this.far.resetAndDestroy()
  }

  cut(): void {
    this.#mute = true
    for (const direction of this.#directions) direction.cut()
  }
}

const end = Symbol('end')

/** One way through a tunnel. */
class Direction {
  readonly #waiting: { what: Buffer | typeof end; due: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #mute = false

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly condition: Condition,
  ) {
    from.on('data', (chunk: Buffer) => this.#add(chunk))
    from.on('end', () => this.#add(end))
    from.on('close', () => clearTimeout(this.#timer))
    to.on('drain', () => this.look())
    this.look()
  }

  look(): void {
    clearTimeout(this.#timer)
    if (this.#mute) return
    const { stalled } = this.condition
    for (let first; !stalled && (first = this.#waiting[0]); this.#waiting.shift()) {
      const wait = first.due - Date.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.look(), wait)
        break
      }
      if (first.what === end) this.to.end()
      else this.to.write(first.what)
    }
    if (stalled || this.to.writableNeedDrain) this.from.pause()
    else this.from.resume()
  }

  cut(): void {
    this.#mute = true
    clearTimeout(this.#timer)
    this.#waiting.length = 0
    // read on, so that the sender's TCP is acknowledged
    this.from.resume()
  }

  #add(what: Buffer | typeof end): void {
    if (this.#mute) return
    this.#waiting.push({ what, due: Date.now() + this.condition.delay })
    this.look()
  }
}
