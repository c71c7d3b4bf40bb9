import type { EventEmitter } from 'node:events'

/** What of a server still waits for its answer, so that the server can end without losing one. */
export class OpenAnswers {
  readonly #open = new Set<EventEmitter>()
  #whenNone: () => void = () => {}

  /**
   * Counts an answer until it is sent.
   * @param open - the response, or a socket whose only request it answers
   */
  add(open: EventEmitter): void {
    this.#open.add(open)
    open.once('close', () => {
      if (this.#open.delete(open) && this.#open.size === 0) this.#whenNone()
    })
  }

  /** Resolves when every answer is sent, or after the time given. */
  async settle(milliseconds: number): Promise<void> {
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, milliseconds)
      this.#whenNone = () => {
        clearTimeout(late)
        resolve()
      }
    })
  }
}
