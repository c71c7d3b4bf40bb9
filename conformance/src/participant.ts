import type { ServerMessage } from 'signal-protocol'
import { pass } from './arrivals.js'
import type { Dialect, Introduced } from './dialects.js'
import { Failure, same } from './failure.js'
import type { Socket } from './socket.js'

/** An introduction socket of a peer, in some dialect. */
export class Participant {
  constructor(
    readonly id: string,
    readonly dialect: Dialect,
    readonly socket: Socket,
  ) {}

  join(...keys: unknown[]): void {
    this.socket.send(this.dialect.join(keys))
  }

  leave(...keys: unknown[]): void {
    this.socket.send(this.dialect.leave(keys))
  }

  /** The keys of the next introduction to a peer, other messages and peers aside. */
  async introducedTo(other: { id: string }, milliseconds?: number): Promise<string[]> {
    for (;;) {
      const introduction = await this.#introduction(milliseconds)
      if (introduction.id === other.id) return introduction.keys.sort()
    }
  }

  /** Sees that it is introduced to a peer next, with these keys and no other. */
  async expectIntroduction(other: { id: string }, ...keys: string[]): Promise<void> {
    same(await this.introducedTo(other), keys.sort(), `keys of the introduction`)
  }

  /** The introductions that have come and were not taken yet. */
  introductions(): Introduced[] {
    return this.socket.take().flatMap((message) => this.dialect.introduction(message) ?? [])
  }

  /** Sees that none of the introductions that have come is to this peer. */
  expectNoIntroduction(other: { id: string }): void {
    const found = this.introductions().find(({ id }) => id === other.id)
    if (found) throw new Failure(`it was introduced, with ${JSON.stringify(found.keys)}`)
  }

  /** The next message of a type, in `signal.v1`; others aside. */
  async next<T extends ServerMessage['type']>(
    type: T,
    milliseconds?: number,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    for (;;) {
      const message = await this.socket.json(`a message of the type ${type}`, milliseconds)
      if (message.type === type) {
        return message as unknown as Extract<ServerMessage, { type: T }>
      }
    }
  }

  /** The messages that have come and were not taken yet, in `signal.v1`. */
  messages(): ServerMessage[] {
    return this.socket.take().map(({ data }) => JSON.parse(data.toString()) as ServerMessage)
  }

  /** Resolves when the server has carried out what was sent before. */
  async settled(): Promise<void> {
    await this.socket.settled()
    // a little more, where several instances have to tell each other
    await pass(20)
  }

  async #introduction(milliseconds?: number): Promise<Introduced> {
    for (;;) {
      const message = await this.socket.message('an introduction', milliseconds)
      const introduction = this.dialect.introduction(message)
      if (introduction) return introduction
    }
  }
}
