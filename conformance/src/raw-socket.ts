import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { Arrivals, within } from './arrivals.js'
import { Failure } from './failure.js'
import { Opcode, takeFrame, type Frame } from './frames.js'

/** An HTTP response as it stood on the wire. */
export interface RawResponse {
  status: number
  headers: Record<string, string>
  body: string
}

/** What a raw handshake sends; a header given as undefined is left out. */
export interface HandshakeFlaws {
  method?: string
  headers?: Record<string, string | undefined>
}

/** The key that raw handshakes bring (RFC 6455 §1.3). */
export const HANDSHAKE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** A WebSocket handshake as bytes, or one with a flaw. */
export function handshake(
  host: string,
  target: string,
  { method = 'GET', headers = {} }: HandshakeFlaws = {},
): string {
  const all: Record<string, string | undefined> = {
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': HANDSHAKE_KEY,
    ...headers,
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${method} ${target} HTTP/1.1\r\n${fields}\r\n`
}

/** A TCP or TLS connection whose every byte the check decides. It answers nothing by itself. */
export class RawSocket {
  #bytes: Buffer[] = []
  #size = 0
  #wanted = 0
  #upgraded = false
  readonly #frames = new Arrivals<Frame | Failure | 'end'>()
  readonly #heads = new Arrivals<RawResponse | 'end'>()
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
    this.#bytes.push(chunk)
    this.#size += chunk.length
    // a large frame comes in many chunks: they are joined when there is enough
    if (this.#size < this.#wanted) return
    let bytes: Buffer = Buffer.concat(this.#bytes)
    while (!this.#upgraded) {
      const rest = this.#takeResponse(bytes)
      if (!rest) break
      bytes = rest
    }
    let used = 0
    try {
      for (let taken; this.#upgraded && (taken = takeFrame(bytes.subarray(used)));) {
        used += taken.size
        this.#frames.push(taken.frame)
      }
    } catch (error) {
      this.#frames.push(error as Failure)
      this.socket.destroy()
    }
    const rest = bytes.subarray(used)
    this.#bytes = [rest]
    this.#size = rest.length
    this.#wanted = this.#upgraded && rest[1] === 127 && rest.length >= 10 ? lengthOf(rest) : 0
  }

  #takeResponse(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const status = Number(first.split(' ')[1])
    const rest = bytes.subarray(end + 4)
    const length = status === 101 ? 0 : Number(headers['content-length'] ?? 0)
    if (rest.length < length) return undefined
    this.#upgraded = status === 101
    this.#heads.push({ status, headers, body: rest.subarray(0, length).toString() })
    return rest.subarray(length)
  }
}

const lengthOf = (bytes: Buffer) => 10 + Number(bytes.readBigUInt64BE(2))
