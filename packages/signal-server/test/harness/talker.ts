import { connect, type Socket } from 'node:net'
import { clientClose, clientFrame, handshake, WireReader } from 'signal-test-kit'

/**
 * A client on `/connection` that does what the protocol asks of it, and nothing else: it answers
 * pings and closes, and remembers what it got. It may send before it has been answered.
 */
export class Talker {
  /** Texts that it got, in order. */
  readonly texts: string[] = []
  /** The code of the close frame that it got; 1005 for one without. */
  closeCode: number | undefined
  /** Bytes that came without being a frame, or after the close frame. */
  stray = 0
  readonly ended: Promise<void>
  /** Resolves when its handshake was answered, or it is gone. */
  readonly answered: Promise<void>
  readonly socket: Socket
  #closeSent = false
  #answer: () => void = () => {}

  constructor(port: number, path: string) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.on('error', () => {})
    const reader = new WireReader({
      response: ({ status }) => {
        if (status !== 101) this.stray++
        this.#answer()
      },
      frame: ({ opcode, payload }) => this.#take(opcode, payload),
    })
    this.socket.on('data', (chunk: Buffer) => reader.push(chunk))
    this.ended = new Promise((resolve) => this.socket.once('close', () => resolve()))
    this.answered = Promise.race([
      this.ended,
      new Promise<void>((resolve) => (this.#answer = resolve)),
    ])
    this.socket.write(handshake(path))
  }

  send(text: string): void {
    if (!this.#closeSent) this.socket.write(clientFrame(1, text))
  }

  close(code: number): void {
    if (this.#closeSent) return
    this.#closeSent = true
    this.socket.write(clientClose(code))
  }

  reset(): void {
    // what is being shut down cannot be reset: Node would never say that it has closed
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  #take(opcode: number, payload: Buffer): void {
    if (this.closeCode !== undefined) this.stray++
    else if (opcode === 1) this.texts.push(payload.toString())
    else if (opcode === 9 && !this.#closeSent) this.socket.write(clientFrame(10, payload))
    else if (opcode === 8) {
      this.closeCode = payload.length > 0 ? payload.readUInt16BE() : 1005
      if (!this.#closeSent) this.socket.write(clientClose(this.closeCode))
      this.#closeSent = true
      this.socket.end()
    }
  }
}
