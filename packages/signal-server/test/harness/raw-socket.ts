import { connect, type Socket } from 'node:net'
import { Arrivals, within } from './arrivals.js'
import { takeFrame, type Frame } from './frames.js'

/** A response as it stood on the wire; the body is whatever came before the end of the connection. */
export interface RawResponse {
  status: number
  headers: Record<string, string>
  body: string
}

/** What a raw handshake sends; a header given as undefined is left out. */
export interface HandshakeFlaws {
  method?: string
  version?: string
  headers?: Record<string, string | undefined>
}

/** A WebSocket handshake as bytes, or one with a flaw. */
export function handshake(
  target: string,
  { method = 'GET', version = 'HTTP/1.1', headers = {} }: HandshakeFlaws = {},
): string {
  const all: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${method} ${target} ${version}\r\n${fields}\r\n`
}

/** A TCP connection whose every byte the test decides. */
export class RawSocket {
  #bytes: Buffer = Buffer.alloc(0)
  #upgraded = false
  readonly #frames = new Arrivals<Frame>()
  readonly #heads = new Arrivals<RawResponse>()
  /** Resolves when the connection is over, by FIN from both sides or by a reset. */
  readonly closed: Promise<void>
  /** Resolves when the server has ended its half. */
  readonly ended: Promise<void>

  private constructor(readonly socket: Socket) {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // the answer to a HEAD has a length, and no body
    socket.once('end', () => this.#upgraded || this.#takeResponse(true))
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

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, chunk]) : chunk
    while (!this.#upgraded && this.#takeResponse());
    if (!this.#upgraded) return
    for (let taken; (taken = takeFrame(this.#bytes));) {
      this.#bytes = taken.rest
      this.#frames.push(taken.frame)
    }
  }

  #takeResponse(ended = false): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [first = '', ...lines] = this.#bytes.subarray(0, end).toString('latin1').split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const length = Number(headers['content-length'] ?? 0)
    const body = this.#bytes.subarray(end + 4, end + 4 + length)
    if (body.length < length && !ended) return false
    const status = Number(first.split(' ')[1])
    this.#bytes = this.#bytes.subarray(end + 4 + length)
    this.#upgraded = status === 101
    this.#heads.push({ status, headers, body: body.toString() })
    return !this.#upgraded
  }
}
