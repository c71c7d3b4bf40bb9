import { isDeepStrictEqual } from 'node:util'
import { SUBPROTOCOL, type ServerMessage } from 'signal-server-protocol'
import { pass } from './arrivals.js'
import type { Dialect, Introduced } from './dialects.js'
import { Failure, same } from './failure.js'
import type { Message, Socket } from './socket.js'

/** An introduction socket of a peer, in some dialect. */
export class Participant {
  /** The ids and keys of the introductions that were taken. */
  readonly #introduced = new Set<string>()
  /** The keys of which a Replaced was taken. */
  readonly #replaced = new Set<string>()

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
      const introduction = await this.nextIntroduction(milliseconds)
      if (introduction.id === other.id) return introduction.keys.sort()
    }
  }

  /**
   * Sees that it is introduced to a peer next, with these keys and no other. An introduction of
   * other keys may come before if it repeats earlier ones (§4.4).
   */
  async expectIntroduction(other: { id: string }, ...keys: string[]): Promise<void> {
    keys.sort()
    for (;;) {
      const known = new Set(this.#introduced)
      const introduced = await this.introducedTo(other)
      const repeated = introduced.every((key) => known.has(pairOf(other.id, key)))
      if (repeated && !isDeepStrictEqual(introduced, keys)) continue
      same(introduced, keys, `keys of the introduction`)
      return
    }
  }

  /** Sees that it is introduced to a peer again (§7.10), in `signal.v1`, with this key. */
  async expectReintroduction(
    other: { id: string },
    key: string,
    milliseconds?: number,
  ): Promise<void> {
    for (;;) {
      const introduction = await this.next('Introduction', milliseconds)
      if (introduction.again !== true || introduction.id !== other.id) continue
      const expected = { type: 'Introduction', id: other.id, keys: [key], again: true }
      same(introduction, expected, 'Introduction')
      return
    }
  }

  /** The introductions that have come and were not taken yet. */
  introductions(): Introduced[] {
    return this.socket.take().flatMap((message) => this.#taken(message) ?? [])
  }

  /** Sees that none of the messages that have come introduces it to this peer again (§7.10). */
  expectNoReintroduction(other: { id: string }): void {
    const found = this.introductions().find(({ id, again }) => id === other.id && again)
    if (found) throw new Failure(`it was introduced again, with ${JSON.stringify(found.keys)}`)
  }

  /**
   * The next message of one of these types, in `signal.v1`, others aside: a server may repeat
   * Introductions and Replaced at any time, and tells of other peers when it has to.
   */
  async next<T extends ServerMessage['type']>(
    types: T | readonly T[],
    milliseconds?: number,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const what = `a message of the type ${[types].flat().join(' or ')}`
    for (;;) {
      const received = await this.socket.message(what, milliseconds)
      this.#taken(received)
      const message = asText(received, what)
      if ([types].flat().includes(message.type as T)) {
        return message as Extract<ServerMessage, { type: T }>
      }
    }
  }

  /** The messages that have come and were not taken yet, in `signal.v1`. */
  messages(): ServerMessage[] {
    return this.socket.take().map((message) => {
      this.#taken(message)
      return asText(message, 'a message')
    })
  }

  /** The same without what a server may repeat at any time (§4.4, §6.14), if it was taken before. */
  news(): ServerMessage[] {
    const [introduced, replaced] = [new Set(this.#introduced), new Set(this.#replaced)]
    return this.messages().filter((message) => {
      if (message.type === 'Replaced') return !message.keys.every((key) => replaced.has(key))
      if (message.type !== 'Introduction' || message.again) return true
      const { id, keys } = message
      return keys.length === 0 || keys.some((key) => !introduced.has(pairOf(id, key)))
    })
  }

  /** The next introduction to anybody. */
  async nextIntroduction(milliseconds?: number): Promise<Introduced> {
    for (;;) {
      const introduction = this.#taken(await this.socket.message('an introduction', milliseconds))
      if (introduction) return introduction
    }
  }

  /** Resolves when the server has carried out what was sent before. */
  async settled(): Promise<void> {
    await this.socket.settled()
    // a little more, where several instances have to tell each other
    await pass(20)
  }

  /** Keeps in mind what a message says that may be repeated, and gives the introduction in it. */
  #taken(message: Message): Introduced | undefined {
    const introduction = this.dialect.introduction(message)
    for (const key of introduction?.keys ?? []) this.#introduced.add(pairOf(introduction!.id, key))
    if (!introduction && this.dialect.name === SUBPROTOCOL) {
      const told = asText(message, 'a message')
      if (told.type === 'Replaced') for (const key of told.keys) this.#replaced.add(key)
    }
    return introduction
  }
}

const pairOf = (id: string, key: string): string => JSON.stringify([id, key])

function asText({ data, binary }: Message, what: string): ServerMessage {
  if (binary) throw new Failure(`${what} is binary`)
  try {
    return JSON.parse(data.toString()) as ServerMessage
  } catch {
    throw new Failure(`${what} is not JSON`)
  }
}
