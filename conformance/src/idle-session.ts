import { pass } from './arrivals.js'
import { Scene, type Subject } from './scene.js'

// as long as it takes to start a process again
const restartTime = 5_000

/** An idle session: when it ends, the server has died. */
export class IdleSession {
  #scene: Scene | undefined
  #deaths = 0
  #givenUp = false
  #waiting: Promise<boolean> | undefined

  constructor(private readonly subject: Subject) {}

  /** How often the server has died. */
  get deaths(): number {
    return this.#deaths
  }

  /** Whether the server answers; waits a while for one that has died to come back. */
  async answers(): Promise<boolean> {
    if (this.#scene) return true
    this.#waiting ??= this.#wait().finally(() => (this.#waiting = undefined))
    return this.#waiting
  }

  leave(): void {
    this.#scene?.end()
    this.#scene = undefined
  }

  async #wait(): Promise<boolean> {
    const end = performance.now() + (this.#givenUp ? 0 : restartTime)
    for (;;) {
      if (await this.#open()) {
        this.#givenUp = false
        return true
      }
      if (performance.now() > end) {
        this.#givenUp = true
        return false
      }
      await pass(100)
    }
  }

  async #open(): Promise<boolean> {
    const scene = new Scene(this.subject)
    try {
      const { socket } = await scene.first.introduction(scene.unique('idle-session'), 'any')
      this.#scene = scene
      socket.ws.once('close', () => {
        if (this.#scene !== scene) return
        this.#scene = undefined
        this.#deaths++
      })
      return true
    } catch {
      scene.end()
      return false
    }
  }
}
