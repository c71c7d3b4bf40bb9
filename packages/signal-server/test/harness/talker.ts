import { connect, type Socket } from 'node:net'
import { clientClose, clientFrame, takeFrame } from './frames.js'
import { handshake } from './raw-socket.js'

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
  #bytes: Buffer = Buffer.alloc(0)
  #upgraded = false
  #closeSent = false
  #answer: () => void = () => {}

  constructor(port: number, path: string) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk))
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

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (!this.#upgraded) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!this.#bytes.subarray(0, 13).equals(Buffer.from('HTTP/1.1 101 '))) this.stray++
      this.#bytes = this.#bytes.subarray(end + 4)
      this.#upgraded = true
      this.#answer()
    }
    for (let taken; (taken = takeFrame(this.#bytes));) {
      this.#bytes = taken.rest
      this.#take(taken.frame.opcode, taken.frame.payload)
    }
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
