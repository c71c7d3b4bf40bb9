import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { type CloseCode, closeReason } from 'signal-protocol'
import type { Grant } from '../authorize.js'
import type { EndpointContext } from '../endpoint.js'
import type { Pulse } from '../heartbeat.js'
import { closeFrame, FrameError, Opcode, serverFrame, type ControlOpcode } from './frame.js'
import { FrameTranslator, type FrameSink } from './frame-translator.js'
import { Greeting } from './greeting.js'
import type { LegReceiver, PipeEnd } from './pipe-end.js'

/** Why a leg is not read; it is read when no reason is left. */
export const Pause = { target: 1, pace: 2, budget: 4, full: 8 } as const

/** One socket on `/connection`, after its 101. */
export class Leg implements Pulse, FrameSink, PipeEnd {
  readonly translator = new FrameTranslator(this)
  heard = true
  lastHeard = 0
  pingedAt = 0
  /** When its outgoing queue last moved, or was empty. */
  progressAt = Date.now()
  /** The other side's translator, whose frames go out here. */
  source: { readonly atBoundary: boolean } | undefined

  #receiver: LegReceiver | undefined
  #paused = 0
  readonly #pings: string[] = []
  #closeSent = false
  /** What it sends can no longer be understood. */
  #deaf = false
  #ending = false
  #written = 0
  #flushed = 0
  #counted = 0
  #linger: NodeJS.Timeout | undefined
  /** Until the client listens. */
  #greeting: Greeting | undefined
  readonly #whenClosed: (() => void)[] = []

  /**
   * @param socket - upgraded, nothing read yet
   * @param v1 - whether it offered `signal.v1`
   */
  constructor(
    readonly socket: Socket,
    readonly v1: boolean,
    private readonly grant: Grant,
    private readonly context: EndpointContext,
  ) {
    context.heartbeat.add(this)
    socket.on('drain', () => this.#receiver?.drained?.())
    socket.on('end', () => this.#finished())
    socket.on('close', () => this.#closed())
    if (v1) return
    this.sendPing(Buffer.alloc(0))
    this.#greeting = new Greeting(() => this.#listens())
  }

  /** Hands over what the client sends, from now on. */
  set receiver(receiver: LegReceiver) {
    const first = this.#receiver === undefined
    this.#receiver = receiver
    // the listener makes the socket flow
    if (first) this.socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** Bytes that wait to be written to the client. */
  get queued(): number {
    return this.socket.writableLength + (this.#greeting?.size ?? 0)
  }

  get congested(): boolean {
    const { queued } = this
    // what the kernel took at once needs no pause
    if (queued === 0) return false
    const { budget, settings } = this.context
    return this.#greeting !== undefined || budget.over || queued > settings.maxPipeBytes
  }

  get closed(): boolean {
    return this.socket.destroyed
  }

  write(bytes: Buffer): void {
    if (this.#closeSent || !this.socket.writable) return
    this.#written += bytes.length
    if (this.#greeting) this.#greeting.keep(bytes)
    else this.socket.write(bytes)
    this.#count(this.queued)
  }

  /** Writes a close frame that came from the other side; the client has to answer it. */
  passClose(payload: Buffer): void {
    this.write(serverFrame(Opcode.close, payload))
    this.#closeSent = true
    this.#lingerThen(() => this.socket.destroy())
  }

  pause(reason: number): void {
    this.#paused |= reason
    this.socket.pause()
  }

  resume(reason: number): void {
    if ((this.#paused & reason) === 0) return
    this.#paused &= ~reason
    if (this.#paused) return
    // silence while it was not read does not count
    this.heard = true
    this.socket.resume()
  }

  /** Pings the client, where a frame may be put in, and remembers to keep the pong to itself. */
  sendPing(payload: Buffer): boolean {
    if (!this.#atBoundary || this.#closeSent) return false
    this.#pings.push(payload.toString('latin1'))
    if (this.#pings.length > 4) this.#pings.shift()
    this.write(serverFrame(Opcode.ping, payload))
    return true
  }

  /**
   * Ends it: a close frame where one may be put in, then the TCP connection once the client has
   * answered; a plain disconnect otherwise.
   */
  close(code: CloseCode): void {
    if (this.#ending) return
    if (this.#atBoundary && !this.#closeSent) {
      this.write(closeFrame(code, closeReason[code]))
      this.#closeSent = true
    }
    this.#discard()
    const willAnswer = this.#closeSent && !this.translator.closed && !this.#deaf
    if (willAnswer) this.#lingerThen(() => this.finish())
    else this.finish()
  }

  /** Ends the TCP connection once everything is written; what still comes is thrown away. */
  finish(): void {
    this.#discard()
    this.#listens()
    this.socket.end()
    this.#lingerThen(() => this.socket.destroy())
  }

  /** Ends the TCP connection at once. */
  destroy(): void {
    this.#ending = true
    this.socket.destroy()
  }

  /** Calls back when the TCP connection has closed. */
  whenClosed(callback: () => void): void {
    if (this.socket.closed) callback()
    else this.#whenClosed.push(callback)
  }

  ping(): boolean {
    // a queue that does not move, or a pause, is judged by the stall time
    if (this.#paused || this.#ending || this.queued > 0) return false
    if (this.sendPing(randomBytes(4))) return true
    // no frame may be put in; but who stopped in the middle of a frame owes the rest of it
    return !this.translator.atBoundary
  }

  lapsed(): void {
    if (this.#paused || this.#ending || this.queued > 0) return
    this.#receiver?.failed(undefined, 'half_open')
    this.destroy()
  }

  beat(now: number): void {
    const { queued } = this
    this.#count(queued)
    const flushed = this.#written - queued
    if (queued === 0 || flushed > this.#flushed) {
      this.#flushed = flushed
      this.progressAt = now
    } else if (now - this.progressAt >= this.context.settings.stallTime) {
      if (this.#ending) this.destroy()
      else this.#receiver?.stalled()
    }
    if (this.#ending) return
    const { expiresAt = Infinity, revoked } = this.grant
    if (now >= expiresAt || revoked?.aborted) this.#receiver?.failed(4401, 'grant_ended')
    else this.#receiver?.beat?.(now)
  }

  data(bytes: Buffer): void {
    this.#listens()
    if (!this.#ending) this.#receiver!.data(bytes)
  }

  control(opcode: ControlOpcode, payload: Buffer): void {
    this.#listens()
    if (opcode === Opcode.pong && this.#isOurs(payload)) return
    if (!this.#ending) this.#receiver!.control(opcode, payload)
    else if (opcode === Opcode.close) this.finish()
  }

  get #atBoundary(): boolean {
    return this.source?.atBoundary ?? true
  }

  #read(chunk: Buffer): void {
    this.heard = true
    try {
      this.translator.push(chunk)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#deaf = true
      if (this.#ending) this.finish()
      else this.#receiver!.failed(error.code, 'protocol_error')
    }
  }

  /** The client listens, or is taken to: what was kept for that goes out. */
  #listens(): void {
    const kept = this.#greeting?.take()
    this.#greeting = undefined
    if (!kept?.length) return
    if (this.socket.writable) this.socket.write(kept)
    this.#receiver?.drained?.()
  }

  #isOurs(payload: Buffer): boolean {
    const at = this.#pings.indexOf(payload.toString('latin1'))
    if (at < 0) return false
    // a client may answer only the last of several pings (RFC 6455 §5.5.3)
    this.#pings.splice(0, at + 1)
    return true
  }

  #discard(): void {
    this.#ending = true
    this.#paused = 0
    this.socket.resume()
  }

  /** The client has ended its half of the TCP connection. */
  #finished(): void {
    if (!this.#ending) this.#receiver?.failed(undefined, 'pipe_peer_gone')
    this.finish()
  }

  #closed(): void {
    clearTimeout(this.#linger)
    this.#greeting?.take()
    this.#greeting = undefined
    this.context.heartbeat.remove(this)
    this.#count(0)
    if (!this.#ending) {
      this.#ending = true
      this.#receiver?.failed(undefined, 'pipe_peer_gone')
    }
    for (const callback of this.#whenClosed.splice(0)) callback()
  }

  /** Calls back after the close time, which starts when the queue has been written. */
  #lingerThen(callback: () => void): void {
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => {
      if (this.queued > 0) this.#lingerThen(callback)
      else callback()
    }, this.context.settings.closeTime)
  }

  /** Keeps the budget in step with what is queued here. */
  #count(queued: number): void {
    if (queued === this.#counted) return
    this.context.budget.add(queued - this.#counted)
    this.#counted = queued
  }
}
