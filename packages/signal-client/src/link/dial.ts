import { decodeHello, type Hello } from './hello.js'
import type { Dialled, Transport } from './host.js'
import { Line } from './life.js'

/** What a dial tells its link. */
export interface DialHandler {
  /** @returns whose the pipe is from now on; undefined if nobody wants it */
  isRaw(dial: Dial): Dialled | undefined
  hasMet(dial: Dial): void
  received(dial: Dial, record: Uint8Array): void
  hasEnded(dial: Dial, code: number): void
}

/** One attempt to reach a peer on a key, and the transport that comes of it. */
export class Dial implements Dialled {
  readonly line = new Line((record) => this.transport?.send(record))
  transport: Transport | undefined
  /** The peer's, once the two are paired. */
  hello: Hello | undefined
  /** A record of the peer has come, and the hello was judged. */
  isAttached = false
  /** When something last came. */
  heardAt = -Infinity
  #raw: Dialled | undefined
  #isOver = false

  constructor(
    readonly key: string,
    /** When it was made. */
    readonly madeAt: number,
    private readonly handler: DialHandler,
  ) {}

  paired(hello: string | undefined): void {
    if (this.#isOver) return
    if (hello === undefined) {
      this.#raw = this.handler.isRaw(this)
      if (!this.#raw) this.close(1000)
      return
    }
    this.hello = decodeHello(hello)
    if (this.hello) this.handler.hasMet(this)
    else {
      this.close(4000)
      this.handler.hasEnded(this, 4000)
    }
  }

  received(record: Uint8Array): void {
    if (this.#raw) this.#raw.received(record)
    else if (!this.#isOver) this.handler.received(this, record)
  }

  ended(code: number): void {
    if (this.#raw) return this.#raw.ended(code)
    if (this.#isOver) return
    this.#isOver = true
    this.handler.hasEnded(this, code)
  }

  /** Closes the socket; the link hears no more of it. */
  close(code: number): void {
    if (this.#isOver || this.#raw) return
    this.#isOver = true
    this.transport?.close(code)
  }
}
