import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { Opcode, WireReader, type Frame, type RawResponse } from 'signal-test-kit'
import { Arrivals, within } from './arrivals.js'
import { Failure } from './failure.js'

/** A TCP or TLS connection whose every byte the check decides. It answers nothing by itself. */
export class RawSocket {
  readonly #frames = new Arrivals<Frame | Failure | 'end'>()
  readonly #heads = new Arrivals<RawResponse | 'end'>()
  readonly #reader = new WireReader({
    response: (response) => this.#heads.push(response),
    frame: (frame) => this.#frames.push(frame),
  })
  /** Resolves when the server has ended its half, or the connection is gone. */
  readonly ended: Promise<void>

  private constructor(readonly socket: Socket) {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.ended = new Promise((resolve) => {
      const over = () => {
        this.#frames.push('end')
        this.#heads.push('end')
        resolve()
      }
      socket.once('end', over)
      socket.once('close', over)
    })
  }

  static async open(url: URL): Promise<RawSocket> {
    const secure = url.protocol === 'wss:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port || (secure ? 443 : 80))
    const options = { host, port, allowHalfOpen: true }
    const socket = secure
      ? connectTls({ ...options, servername: isIP(host) ? '' : host })
      : connectTcp(options)
    socket.setNoDelay(true)
    const raw = new RawSocket(socket)
    const gone = once(socket, 'close').then(() => {
      throw new Failure(`no connection to ${url.host}`)
    })
    const connected = once(socket, secure ? 'secureConnect' : 'connect')
    await within(Promise.race([connected, gone]), 'a connection')
    gone.catch(() => {})
    return raw
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Writes a byte at a time, each in a packet of its own as far as the system allows. */
  async trickle(bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) {
      this.socket.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The head of a 101, or another response once it is complete. */
  async response(milliseconds?: number): Promise<RawResponse> {
    const response = await this.#heads.next('an answer', milliseconds)
    if (response === 'end') throw new Failure('the connection ended without an answer')
    return response
  }

  /** The next frame of any kind. */
  async frame(what = 'a frame', milliseconds?: number): Promise<Frame> {
    const frame = await this.#frames.next(what, milliseconds)
    if (frame === 'end') throw new Failure(`the connection ended before ${what}`)
    if (frame instanceof Failure) throw frame
    return frame
  }

  /** The next frame with this opcode, others aside: a server may send pings of its own (§8). */
  async frameOf(opcode: number, what: string, milliseconds?: number): Promise<Frame> {
    for (;;) {
      const frame = await this.frame(what, milliseconds)
      if (frame.opcode === opcode) return frame
    }
  }

  /** The next frame that is part of a message, or a close: pings and pongs aside. */
  async dataFrame(what = 'a frame', milliseconds?: number): Promise<Frame> {
    for (;;) {
      const frame = await this.frame(what, milliseconds)
      if (frame.opcode !== Opcode.ping && frame.opcode !== Opcode.pong) return frame
    }
  }

  /** The code of the close frame that comes next, other frames aside; 1005 where it has none. */
  async closeCode(milliseconds?: number): Promise<number> {
    const { payload } = await this.frameOf(Opcode.close, 'a close frame', milliseconds)
    return payload.length > 0 ? payload.readUInt16BE() : 1005
  }

  /** The frames that have come and were not taken yet. */
  takeFrames(): Frame[] {
    return this.#frames.take().filter((each) => typeof each === 'object' && 'opcode' in each)
  }

  /** Ends the connection with a FIN. */
  end(): void {
    this.socket.end()
  }

  /** Ends the connection at once: with a RST, or over TLS without its goodbye. */
  reset(): void {
    // Node cannot reset what is below TLS
    if (this.socket instanceof TLSSocket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.#frames.push(new Failure(error instanceof Error ? error.message : String(error)))
      this.socket.destroy()
    }
  }
}
