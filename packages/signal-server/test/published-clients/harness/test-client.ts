import type { ClientHost } from './client-host.js'
import type { Log } from './log.js'
import type { Pipe } from './pipe.js'

export const PUBLISHED = ['v0', 'v3', 'v4'] as const
export type Published = (typeof PUBLISHED)[number]
export type Generation = Published | 'signal.v1'

export interface StartOptions {
  /** Base URL of the server, `ws:`. */
  readonly url: string
  readonly id: string
}

interface Parts extends StartOptions {
  readonly generation: Generation
  readonly host: ClientHost
  /** Every pipe that the client has announced, in order. */
  readonly pipes: Log<Pipe>
  join(key: string): void
  leave(key: string): void
  /** Takes leave of the server by the client's own means. */
  disconnect(): void
}

/** One shape for the clients of all generations. */
export class TestClient {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get id(): string {
    return this.#parts.id
  }

  get generation(): Generation {
    return this.#parts.generation
  }

  get host(): ClientHost {
    return this.#parts.host
  }

  get pipes(): Log<Pipe> {
    return this.#parts.pipes
  }

  /** How often the introduction was opened again. */
  get reconnects(): number {
    return Math.max(0, this.host.sessions.items.length - 1)
  }

  join(key: string): void {
    this.#parts.join(key)
  }

  leave(key: string): void {
    this.#parts.leave(key)
  }

  /** The open pipe to that peer on that key; waits until there is one. */
  peer(id: string, key: string): Promise<Pipe> {
    return this.pipes.until(
      (pipes) => pipes.findLast((pipe) => pipe.remoteId === id && pipe.key === key && pipe.isOpen),
      `${this.id} (${this.generation}) connected to ${id} on ${key}`,
    )
  }

  async close(): Promise<void> {
    this.#parts.disconnect()
    await this.host.allClosed()
    this.kill()
  }

  kill(): void {
    this.host.kill()
  }
}
