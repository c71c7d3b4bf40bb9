import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { clientFrame, Opcode } from 'signal-test-kit'
import { FrameWalker, serverFrameBytes } from './frames.js'

/** What the load is pointed at. */
export interface Target {
  port: number
  /** Where the second side of a pair connects to. */
  farPort: number
  /** The processes whose CPU time and memory count, in all. */
  pids: readonly number[]
  wire: 'signal' | 'relay' | 'pipe' | 'peerjs' | 'splice' | 'forward' | 'redis'
  tls: boolean
  /** The port to which a forwarding contestant connects back. */
  backendPort: number
  /** Whether SIGUSR2 makes them collect their garbage. */
  collects: boolean
}

/** Whether WebSocket frames arrive; the floors move whatever they get. */
export const hasFrames = ({ wire }: Target) => !['splice', 'forward', 'redis'].includes(wire)

/** All sockets read into this one buffer: what arrives is counted, hardly ever looked at. */
const scratch = Buffer.allocUnsafe(256 * 1024)

/**
 * A socket of the load. It counts the bytes that arrive after its handshake; whoever wants to see
 * them sets `onBytes`, and must not keep the buffer.
 */
export class LoadSocket {
  received = 0
  onBytes: ((count: number, bytes: Buffer) => void) | undefined
  onClose: ((reason: string) => void) | undefined
  /** Why it closed, once it has. */
  closed: string | undefined
  #handshake: ((text: Buffer) => void) | undefined
  #closeCode: number | undefined
  #frames: FrameWalker | undefined

  constructor(readonly socket: Socket) {
    socket.setNoDelay(true)
    let error: string | undefined
    socket.on('error', (thrown: NodeJS.ErrnoException) => (error = thrown.code ?? thrown.message))
    socket.on('close', () => {
      this.closed =
        this.#closeCode !== undefined ? `closed with ${this.#closeCode}` : (error ?? 'disconnected')
      this.onClose?.(this.closed)
    })
  }

  /** Answers pings from now on, as clients do, and does not count them; not for floors. */
  answerPings(): void {
    const pong = (opcode: number, payload: Buffer) => {
      if (opcode !== Opcode.ping) return
      this.received -= serverFrameBytes(payload.length)
      this.write(clientFrame(Opcode.pong, payload))
    }
    this.#frames = new FrameWalker(pong, 125)
  }

  /** Called for whatever arrives. */
  deliver(count: number, bytes: Buffer): void {
    if (this.#handshake) {
      this.#handshake(Buffer.from(bytes.subarray(0, count)))
      return
    }
    this.received += count
    this.#frames?.push(bytes.subarray(0, count))
    // Good enough to name the reason should the socket close next.
    if (bytes[0] === 0x88 && count >= 4 && count <= 127) this.#closeCode = bytes.readUInt16BE(2)
    this.onBytes?.(count, bytes)
  }

  /** Sends a request and resolves when the whole head of the answer has come, if it is a 101. */
  upgrade(path: string, protocol?: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let head = Buffer.alloc(0)
      this.onClose = (reason) => reject(new Error(`${reason} in the handshake`))
      this.#handshake = (bytes) => {
        head = Buffer.concat([head, bytes])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        this.#handshake = undefined
        this.onClose = undefined
        const status = head.subarray(9, 12).toString('latin1')
        if (status !== '101') return reject(new Error(`refused with ${status}`))
        const rest = head.subarray(end + 4)
        if (rest.length > 0) this.deliver(rest.length, rest)
        resolve()
      }
      this.socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2lnbmFsIGJlbmNobWFyaw==\r\n' +
          (protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n` : '\r\n'),
      )
    })
  }

  write(bytes: Buffer): boolean {
    return this.socket.write(bytes)
  }

  /**
   * Resolves when exactly this many bytes have arrived since the count began, and begins it anew.
   * Rejects when the socket closes first, or after the given time.
   */
  arrival(bytes: number, what: string, withinSeconds = 20): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (reason?: string) => {
        clearTimeout(timer)
        this.onBytes = undefined
        this.onClose = undefined
        this.received = 0
        if (reason === undefined) resolve()
        else reject(new Error(`${what}: ${reason}`))
      }
      const look = () => {
        if (this.received > bytes) settle('more bytes than expected')
        else if (this.received === bytes) settle()
        else if (this.closed) settle(this.closed)
      }
      const timer = setTimeout(
        () => settle(`${this.received} of ${bytes} bytes in ${withinSeconds} s`),
        withinSeconds * 1000,
      )
      this.onBytes = look
      this.onClose = settle
      look()
    })
  }
}

/** Opens a TCP or TLS connection to the target. */
export function openSocket(target: Target, port = target.port): Promise<LoadSocket> {
  return new Promise((resolve, reject) => {
    const address = { host: '127.0.0.1', port }
    if (target.tls) {
      const socket = connectTls({ ...address, rejectUnauthorized: false }, () => resolve(opened))
      const opened = new LoadSocket(socket)
      opened.onClose = (reason) => reject(new Error(`${reason} while connecting`))
      socket.on('data', (bytes: Buffer) => opened.deliver(bytes.length, bytes))
      return
    }
    const socket = connect({
      ...address,
      onread: {
        buffer: scratch,
        callback: (count) => {
          opened.deliver(count, scratch)
          return true
        },
      },
    })
    const opened = new LoadSocket(socket)
    opened.onClose = (reason) => reject(new Error(`${reason} while connecting`))
    socket.on('connect', () => resolve(opened))
  })
}
