import type { Socket } from 'node:net'
import { type CloseCode, closeReason } from 'signal-server-protocol'
import { closeFrame, Opcode, serverFrame } from './frame.js'
import type { FrameTranslator } from './frame-translator.js'
import type { ReadGate } from './read-gate.js'
import type { SendQueue } from './send-queue.js'

/** How a connection ends: the close frames, then the TCP connection. */
export class Closing {
  #closeSent = false
  #deaf = false
  #ending = false
  #timer: NodeJS.Timeout | undefined

  /**
   * @param incoming - what comes from the client
   * @param closeTimeout - milliseconds that a client has to answer, once it can have read everything
   */
  constructor(
    private readonly socket: Socket,
    private readonly readGate: ReadGate,
    private readonly sendQueue: SendQueue,
    private readonly incoming: FrameTranslator,
    private readonly closeTimeout: number,
  ) {}

  /** Whether a close frame has been written: nothing may follow it. */
  get closeSent(): boolean {
    return this.#closeSent
  }

  /** Whether what the client sends goes nowhere any more. */
  get ending(): boolean {
    return this.#ending
  }

  /** The client has broken the protocol: what it sends can no longer be understood. */
  deafen(): void {
    this.#deaf = true
  }

  /**
   * Writes the close frame of the other side, which the client has to answer.
   * @param unanswered - called where it does not
   */
  pass(payload: Buffer, unanswered: () => void): void {
    this.#write(serverFrame(Opcode.close, payload))
    this.#lingerThen(unanswered)
  }

  /**
   * Ends the connection with a close frame; the TCP connection once the client has answered.
   * @param allowed - whether a frame may be put in; where not, there is just a disconnect
   */
  close(code: CloseCode, allowed: boolean): void {
    if (this.#ending) return
    if (this.socket.destroyed) return this.release()
    if (allowed && !this.#closeSent) this.#write(closeFrame(code, closeReason[code]))
    this.#discard()
    const willAnswer = this.#closeSent && !this.incoming.closed && !this.#deaf
    if (willAnswer) this.#lingerThen(() => this.finish())
    else this.finish()
  }

  /** Ends the TCP connection once everything is written; what still comes is thrown away. */
  finish(): void {
    if (this.socket.destroyed) return this.release()
    this.#discard()
    this.sendQueue.listens()
    this.socket.end()
    this.#lingerThen(() => this.socket.destroy())
  }

  /** Ends the TCP connection at once. */
  destroy(): void {
    this.#ending = true
    this.socket.destroy()
    this.release()
  }

  /** The TCP connection has ended. */
  release(): void {
    this.#ending = true
    clearTimeout(this.#timer)
  }

  #write(frame: Buffer): void {
    if (!this.#closeSent && this.socket.writable) this.sendQueue.write(frame)
    this.#closeSent = true
  }

  #discard(): void {
    this.#ending = true
    this.readGate.discard()
  }

  #lingerThen(callback: () => void): void {
    clearTimeout(this.#timer)
    if (this.socket.destroyed) return
    this.#timer = setTimeout(() => {
      if (this.sendQueue.queued > 0) this.#lingerThen(callback)
      else callback()
    }, this.sendQueue.unread + this.closeTimeout)
  }
}
