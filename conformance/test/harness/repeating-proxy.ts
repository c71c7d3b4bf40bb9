import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { SUBPROTOCOL, type ServerMessage } from 'signal-server-protocol'
import { FrameReader, Opcode, type Frame } from 'signal-test-kit'

/**
 * A proxy that makes a server repeat what §4.4 and §6.14 allow it to repeat: each message of an
 * older session and each Replaced comes twice, and a `signal.v1` session gets all introductions that
 * are still true before everything else that comes.
 *
 * @param port - of the server, on 127.0.0.1
 * @param atEnd - called with what ends the proxy
 * @returns its URL
 */
export async function repeatingProxy(
  port: number,
  atEnd: (end: () => void) => void,
): Promise<string> {
  const sockets = new Set<Socket>()
  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const repeater = new Repeater((bytes) => {
      // a client that does not read is the server's concern
      if (!client.write(bytes)) server.pause()
    })
    client.on('drain', () => server.resume())
    client.once('data', (head: Buffer) => (repeater.repeats = head.includes('GET /introduction/')))
    client.on('data', (bytes: Buffer) => {
      if (!server.write(bytes)) client.pause()
    })
    server.on('drain', () => client.resume())
    server.on('data', (bytes: Buffer) => repeater.read(bytes))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.on('end', () => other.end())
      one.on('error', () => other.resetAndDestroy())
      one.on('close', () => {
        sockets.delete(one)
        if (!other.writableEnded) other.destroy()
      })
    }
  })
  atEnd(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

/** What a server sends on one socket, with repetitions. */
class Repeater {
  repeats = false
  #head: Buffer = Buffer.alloc(0)
  /** Whether the socket speaks `signal.v1`; undefined before the head of the response. */
  #v1: boolean | undefined
  /** The info and the link of each peer that is there, by its id and one key. */
  readonly #known = new Map<string, { info?: unknown; link?: string }>()

  readonly #frames = new FrameReader((frame, bytes) => {
    if (this.#v1) this.write(this.#introductions())
    this.write(bytes)
    this.write(this.#repetitions(frame, bytes))
    this.#learn(frame)
  })

  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  read(bytes: Buffer): void {
    if (!this.repeats) return this.write(bytes)
    if (this.#v1 !== undefined) return this.#frames.push(bytes)
    this.#head = Buffer.concat([this.#head, bytes])
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#head.subarray(0, end + 4)
    this.repeats = head.includes(' 101 ')
    this.#v1 = head.toString().includes(SUBPROTOCOL)
    this.write(this.repeats ? head : this.#head)
    if (this.repeats) this.#frames.push(this.#head.subarray(end + 4))
  }

  /** What comes right behind a frame. */
  #repetitions({ opcode, payload }: Frame, bytes: Buffer): Buffer {
    if (opcode >= Opcode.close) return Buffer.alloc(0)
    if (this.#v1 && !payload.includes('"type":"Replaced"')) return Buffer.alloc(0)
    return Buffer.from(bytes)
  }

  #learn({ opcode, payload }: Frame): void {
    if (!this.#v1 || opcode !== Opcode.text) return
    const message = JSON.parse(payload.toString()) as ServerMessage
    const { type } = message
    if (type !== 'Introduction' && type !== 'Update' && type !== 'Departure') return
    for (const key of message.keys) {
      const which = JSON.stringify([message.id, key])
      if (type === 'Departure') {
        this.#known.delete(which)
        continue
      }
      const { link } = type === 'Introduction' ? message : (this.#known.get(which) ?? {})
      const info = 'info' in message && { info: message.info }
      this.#known.set(which, { ...info, ...(link !== undefined && { link }) })
    }
    if (type === 'Introduction') this.write(this.#introductions())
  }

  #introductions(): Buffer {
    const frames = [...this.#known].map(([which, about]) => {
      const [id, key] = JSON.parse(which) as [string, string]
      const message = { type: 'Introduction', id, keys: [key], ...about }
      const payload = Buffer.from(JSON.stringify(message))
      const head = Buffer.alloc(4)
      head.writeUInt16BE(0x8100 | (payload.length < 126 ? payload.length : 126))
      head.writeUInt16BE(payload.length, 2)
      return Buffer.concat([head.subarray(0, payload.length < 126 ? 2 : 4), payload])
    })
    return Buffer.concat(frames)
  }
}
