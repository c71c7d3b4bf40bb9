import { randomUUID } from 'node:crypto'
import { clientFrame, Opcode } from 'signal-test-kit'
import { OpenSockets } from './open-sockets.js'
import type { DialectName } from './dialects.js'
import { Entrance } from './entrance.js'
import type { RawSocket } from './raw-socket.js'
import { text, type Socket } from './socket.js'

/** The server. */
export interface Subject {
  first: string
  /** Its URL for the second client of each pair. */
  second: string
  /** What clients speak where a check is about something else. */
  common: DialectName
}

/** Who asks for whom, on which key. */
export interface Place {
  a: string
  b: string
  key: string
}

const hello = text('hello')

/** What a check opens sockets on; it closes them all when the check is over. */
export class Scene {
  readonly first: Entrance
  readonly second: Entrance
  readonly #open = new OpenSockets()

  constructor(subject: Subject) {
    const { first, second, common } = subject
    this.first = new Entrance(first, common, this.#open)
    this.second = new Entrance(second, common, this.#open)
  }

  /** An id or key that nobody else has. */
  readonly unique = (word = 'c'): string => `${word}-${randomUUID()}`

  /** The names of a place that nobody else has. */
  place(): Place {
    return { a: this.unique('a'), b: this.unique('b'), key: this.unique('key') }
  }

  /** Two peers that have asked for each other, and may still have to be joined. */
  async asking(
    protocols: readonly string[] = [],
    { a, b, key }: Place = this.place(),
  ): Promise<[Socket, Socket]> {
    const atA = await this.first.connect(a, b, key, protocols)
    const atB = await this.second.connect(b, a, key, protocols)
    return [atA, atB]
  }

  /** Two peers whose connections are joined. */
  async pair(place?: Place): Promise<[Socket, Socket]> {
    const [a, b] = await this.asking([], place)
    a.send(hello)
    await b.expect(hello)
    b.send(hello)
    await a.expect(hello)
    return [a, b]
  }

  /** The same, byte by byte. */
  async rawPair({ a, b, key }: Place = this.place()): Promise<[RawSocket, RawSocket]> {
    const atA = await this.first.connectRaw(a, b, key)
    const atB = await this.second.connectRaw(b, a, key)
    atA.write(clientFrame(Opcode.text, hello.data))
    await atB.dataFrame('the first message')
    atB.write(clientFrame(Opcode.text, hello.data))
    await atA.dataFrame('the first message')
    return [atA, atB]
  }

  /** Ends all that is still open. */
  end(): void {
    this.#open.end()
  }
}
