import type { EventEmitter } from 'node:events'
import type { Server } from 'node:http'

/** What of a server still waits for its answer, so that the server can end without losing one. */
export class OpenAnswers {
  readonly #open = new Set<EventEmitter>()
  #whenNone: () => void = () => {}

  /**
   * @param event - what waits for an answer: each `request`, or each `connection` where every
   * connection brings one request
   */
  constructor(server: Server, event: 'request' | 'connection') {
    server.prependListener(event, (...args: EventEmitter[]) => {
      // the response, or the socket
      const open = args.at(-1)!
      this.#open.add(open)
      open.once('close', () => {
        if (this.#open.delete(open) && this.#open.size === 0) this.#whenNone()
      })
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
