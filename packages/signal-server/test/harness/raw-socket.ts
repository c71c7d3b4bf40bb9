import { connect, type Socket } from 'node:net'
import {
  handshake,
  WireReader,
  type Frame,
  type HandshakeFlaws,
  type RawResponse,
} from 'signal-test-kit'
import { Arrivals, within } from './arrivals.js'

/** A TCP connection whose every byte the test decides. */
export class RawSocket {
  readonly #frames = new Arrivals<Frame>()
  readonly #heads = new Arrivals<RawResponse>()
  readonly #reader = new WireReader({
    response: (response) => this.#heads.push(response),
    frame: (frame) => this.#frames.push(frame),
  })
  /** Resolves when the connection is over, by FIN from both sides or by a reset. */
  readonly closed: Promise<void>
  /** Resolves when the server has ended its half. */
  readonly ended: Promise<void>

  private constructor(readonly socket: Socket) {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk))
    socket.once('end', () => this.#reader.end())
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.ended = new Promise((resolve) => {
      socket.once('end', resolve)
      socket.once('close', () => resolve())
    })
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawSocket> {
    const socket = connect({ port, host, allowHalfOpen: true })
    socket.setNoDelay(true)
    await within(
      new Promise((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('error', reject)
      }),
      'a TCP connection',
    )
    return new RawSocket(socket)
  }

  /** Opens one and does the WebSocket handshake on it. */
  static async upgrade(port: number, path: string, flaws?: HandshakeFlaws): Promise<RawSocket> {
    const raw = await RawSocket.open(port)
    raw.write(handshake(path, flaws))
    const { status, body } = await raw.response()
    if (status !== 101) throw new Error(`${path} was answered with ${status}: ${body}`)
    return raw
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Resolves when the kernel has taken all that was written; false where the connection ended. */
  flushed(): Promise<boolean> {
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve(false))
      this.socket.write('', (error) => resolve(!error))
    })
  }

  /** The head of a 101, or another response once it is complete. */
  response(what = 'a response'): Promise<RawResponse> {
    return this.#heads.next(what)
  }

  /** The next frame. */
  frame(what = 'a frame', milliseconds?: number): Promise<Frame> {
    return this.#frames.next(what, milliseconds)
  }

  /** The next text frame, as JSON. */
  async json(): Promise<Record<string, unknown>> {
    const { payload } = await this.frame('a text frame')
    return JSON.parse(payload.toString()) as Record<string, unknown>
  }

  /** The code of the close frame that comes next, other frames aside; none is 1005. */
  async closeCode(milliseconds?: number): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.frame('a close frame', milliseconds)
      if (opcode === 8) return payload.length > 0 ? payload.readUInt16BE() : 1005
    }
  }

  /** Frames that have come and were not asked for yet. */
  get unread(): number {
    return this.#frames.length
  }

  /** Ends the connection with a FIN. */
  end(): void {
    this.socket.end()
  }

  /** Ends the connection with a RST, as a process does that is killed with unread input. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}
