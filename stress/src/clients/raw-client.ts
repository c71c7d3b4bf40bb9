import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Opcode } from 'signal-test-kit'
import type { Target } from '../target.js'
import { plainFrame, textFrame } from './frames.js'

const longest = 10_000
/** Shows that a client lives without looking for pings: an unsolicited pong (RFC 6455 §5.5.3). */
const pongInterval = 3_000
const pong = plainFrame(Opcode.pong, Buffer.alloc(0))

/** How a client comes. */
export interface RawClientOptions {
  /** Reads nothing once its handshake has been answered. */
  deaf?: boolean
  /** Offers `signal.v1`. */
  v1?: boolean
}

/** A client of one TCP connection, that writes whatever bytes it is told to. */
export class RawClient {
  /** The beginning of what the server has sent. */
  heard = ''
  readonly closed: Promise<void>
  readonly #socket: Socket
  #pongs: NodeJS.Timeout | undefined

  constructor({ port }: Pick<Target, 'port'>) {
    this.#socket = connect({ port, host: '127.0.0.1' })
    this.#socket.on('error', () => {})
    this.#socket.on('data', (bytes: Buffer) => {
      if (this.heard.length < 100_000) this.heard += bytes.toString('latin1')
    })
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  /** A WebSocket, or what is left of a connection that was refused. */
  static async open(
    target: Target,
    path: string,
    { deaf = false, v1 = false }: RawClientOptions = {},
  ): Promise<RawClient> {
    const client = new RawClient(target)
    const headers = { ...target.headers, ...(v1 && { 'Sec-WebSocket-Protocol': 'signal.v1' }) }
    const lines = [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ]
    client.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
    await client.hears(/\r\n\r\n/).catch(() => {})
    if (deaf) client.deafen()
    else if (client.accepted) client.#live()
    return client
  }

  get open(): boolean {
    return this.#socket.writable
  }

  /** Whether a WebSocket was accepted. */
  get accepted(): boolean {
    return this.heard.startsWith('HTTP/1.1 101')
  }

  /** Reads nothing from now on. */
  deafen(): void {
    clearInterval(this.#pongs)
    this.#socket.pause()
  }

  /** @returns whether the network has taken it */
  write(bytes: Buffer): boolean {
    return this.#socket.writable && this.#socket.write(bytes)
  }

  text(text: string): boolean {
    return this.write(textFrame(text))
  }

  json(message: object): boolean {
    return this.text(JSON.stringify(message))
  }

  /**
   * Writes the same bytes again and again, as fast as they are taken.
   * @param until - milliseconds since 1970
   */
  async pour(bytes: Buffer, times: number, until: number): Promise<void> {
    for (let i = 0; i < times && this.open && Date.now() < until; i++) {
      if (this.write(bytes)) continue
      const signal = AbortSignal.timeout(Math.max(1, until - Date.now()))
      await Promise.race([once(this.#socket, 'drain', { signal }), this.closed]).catch(() => {})
    }
  }

  /** @throws Error if it has not come within 10 s, or the connection ends first */
  async hears(wanted: RegExp): Promise<string> {
    const signal = AbortSignal.timeout(longest)
    while (!wanted.test(this.heard)) {
      const ended = this.closed.then(() => Promise.reject(new Error('The connection has ended.')))
      ended.catch(() => {})
      await Promise.race([once(this.#socket, 'data', { signal }), ended])
    }
    return this.heard
  }

  close(): void {
    this.#socket.destroy()
  }

  #live(): void {
    this.#pongs = setInterval(() => this.write(pong), pongInterval).unref()
    void this.closed.then(() => clearInterval(this.#pongs))
  }
}

/** So many clients; a few dozen connect at a time. */
export async function crowd(
  count: number,
  make: (index: number) => Promise<RawClient>,
): Promise<RawClient[]> {
  const clients: RawClient[] = []
  let next = 0
  const one = async () => {
    while (next < count) clients.push(await make(next++))
  }
  await Promise.all(Array.from({ length: Math.min(50, count) }, one))
  return clients
}
