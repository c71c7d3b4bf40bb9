import type { Socket } from 'node:net'
import { CloseCode } from 'signal-server-protocol'
import { hasEnded, type Grant } from '../../authorize.js'
import type { EndpointContext, Upgrade } from '../../endpoint.js'
import { answerUpgrade } from '../../upgrade/handshake.js'
import { isLinkHello, offeredLink } from '../../upgrade/link-offer.js'
import type { Monitored } from '../../limits/heartbeat.js'
import { Rank, type Holding } from '../../limits/holders.js'
import { Closing } from './closing.js'
import { FrameError, Opcode, serverFrame, type ControlOpcode } from './frame.js'
import { FrameTranslator, type FrameSink } from './frame-translator.js'
import { ReadGate } from './read-gate.js'
import { SendQueue } from './send-queue.js'
import { OwnPings } from './own-pings.js'
import type { PipeReceiver, PipeEnd } from './pipe-end.js'

// a client that reads at once is asked whether it does when it has got 20 KB/s for so long
const askAfter = 5_000
// a pipe in which nothing has passed for so long rests
const restsAfter = 60_000

/** One socket on `/connection`, from its 101 on. */
export class LocalEnd implements Monitored, FrameSink, PipeEnd {
  readonly isHere = true
  readonly v1: boolean
  hello: string | undefined
  /** What the limits per address count its client as. */
  readonly address: string | undefined
  readonly translator = new FrameTranslator(this)
  heard = true
  lastHeard = 0
  pingedAt = 0
  source: { readonly atBoundary: boolean } | undefined

  readonly #socket: Socket
  readonly #grant: Grant
  /** Its place among the sockets of the server. */
  readonly #place: Holding
  /** Milliseconds since its client last sent a part of a message. */
  #rests = 0
  #receiver: PipeReceiver | undefined
  readonly #readGate: ReadGate
  readonly #sendQueue: SendQueue
  readonly #closing: Closing
  readonly #pings = new OwnPings()
  /** Milliseconds until even a slow reader can have answered the last ping. */
  #patience = 0
  readonly #whenClosed: (() => void)[] = []

  /** Answers the upgrade; nothing has been read yet. */
  constructor(
    upgrade: Upgrade,
    private readonly context: EndpointContext,
  ) {
    const { socket, v1, grant, address, place } = upgrade
    this.#socket = socket
    this.v1 = v1
    this.hello = offeredLink(upgrade, isLinkHello)
    this.#grant = grant
    this.address = address
    this.#place = place
    place.shed = () => this.#receiver?.shed()
    this.#readGate = new ReadGate(socket, context.budget)
    const { stallTimeout, closeTimeout } = context.settings
    const drained = () => this.#receiver?.sendQueueDrained?.()
    this.#sendQueue = new SendQueue(socket, context.budget, stallTimeout, drained)
    this.#closing = new Closing(
      socket,
      this.#readGate,
      this.#sendQueue,
      this.translator,
      closeTimeout,
    )
    context.heartbeat.add(this)
    socket.on('end', () => this.#finished())
    socket.on('close', () => this.#closed())
    // the 101 and what follows at once go out in one piece
    this.#sendQueue.cork()
    answerUpgrade(upgrade)
    if (v1) return
    this.#sendPing(Buffer.alloc(0))
    this.#sendQueue.greet()
  }

  set receiver(receiver: PipeReceiver) {
    const first = this.#receiver === undefined
    this.#receiver = receiver
    this.#rests = 0
    this.#place.rank = receiver.rank
    if (!first) return
    this.context.reading.add(this.#socket)
    // the listener makes the socket flow
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  get queued(): number {
    return this.#sendQueue.queued
  }

  get stalledFor(): number {
    return this.#sendQueue.stalledFor
  }

  get localPort(): number | undefined {
    return this.#socket.localPort
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort
  }

  get congested(): boolean {
    const { budget, settings } = this.context
    return this.#sendQueue.exceeds(budget.over ? 0 : settings.maxPipeBytes)
  }

  write(bytes: Buffer): void {
    if (!this.#closing.closeSent && this.#socket.writable) this.#sendQueue.write(bytes)
  }

  cork(): void {
    this.#sendQueue.cork()
  }

  passClose(payload: Buffer): void {
    this.#closing.pass(payload, () => this.#receiver?.failed(undefined, 'pipe_peer_gone'))
  }

  pause(reason: number): void {
    this.#readGate.pause(reason)
  }

  resume(reasons: number): void {
    // silence while it was not read does not count
    if (this.#readGate.resume(reasons)) this.heard = true
  }

  close(code: CloseCode): void {
    this.#closing.close(code, this.#atBoundary)
  }

  finish(): void {
    this.#closing.finish()
  }

  destroy(): void {
    this.#closing.destroy()
    this.#release()
  }

  whenClosed(callback: () => void): void {
    if (this.#socket.closed) callback()
    else this.#whenClosed.push(callback)
  }

  ping(): boolean {
    // a queue that does not move, or a pause, is judged by the stall timeout
    if (this.#readGate.paused || this.#closing.ending || this.queued > 0) return false
    if (this.#sendPing()) {
      this.#patience = this.#sendQueue.unread
      return true
    }
    // no frame may be put in; but who stopped in the middle of a frame owes the rest of it
    return !this.translator.atBoundary
  }

  lapsed(): void {
    if (this.#readGate.paused || this.#closing.ending || this.queued > 0 || this.#patience > 0)
      return
    this.#receiver?.failed(undefined, 'half_open')
    this.destroy()
  }

  beat(now: number, elapsed: number): void {
    this.#patience = Math.max(0, this.#patience - elapsed)
    this.#countAhead()
    this.#sendQueue.beat(elapsed)
    if (this.#sendQueue.unread > askAfter && !this.#pings.pending) this.#sendPing()
    if (this.stalledFor >= this.context.settings.stallTimeout) {
      if (this.#closing.ending) this.destroy()
      else this.#receiver?.stalled()
    }
    if (this.#closing.ending) return
    this.#rests += elapsed
    const { rank } = this.#receiver!
    this.#place.rank = rank === Rank.moving && this.#rests > restsAfter ? Rank.active : rank
    if (!hasEnded(this.#grant, now)) this.#receiver?.beat?.(now)
    else this.#receiver?.failed(CloseCode.unauthorized, 'grant_ended')
  }

  data(bytes: Buffer): void {
    this.#rests = 0
    this.#sendQueue.listens()
    if (!this.#closing.ending) this.#receiver!.data(bytes)
  }

  answered(pong: Buffer): boolean {
    this.#sendQueue.listens()
    const mark = this.#pings.answered(pong)
    if (mark === undefined) return false
    this.#sendQueue.wasRead(mark)
    return true
  }

  control(opcode: ControlOpcode, payload: Buffer, count: number): void {
    this.#sendQueue.listens()
    if (opcode === Opcode.close && this.#closing.closeSent)
      this.#sendQueue.wasRead(this.#sendQueue.written)
    if (!this.#closing.ending) this.#receiver!.control(opcode, payload, count)
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
      this.#closing.deafen()
      if (this.#closing.ending) this.finish()
      else this.#receiver!.failed(error.code, 'protocol_error')
    }
  }

  /** Counts what was read before a pause: a part waits in the stream, and a part for its turn. */
  #countAhead(): void {
    const { ahead } = this.#readGate
    this.#readGate.count(ahead)
    this.#receiver?.readAhead?.(ahead + this.context.reading.waiting(this.#socket))
  }

  /** Pings the client, where a frame may be put in. */
  #sendPing(payload?: Buffer): boolean {
    if (!this.#atBoundary || this.#closing.closeSent) return false
    this.write(serverFrame(Opcode.ping, this.#pings.next(this.#sendQueue.written, payload)))
    return true
  }

  /** The client has ended its half of the TCP connection. */
  #finished(): void {
    if (!this.#closing.ending) this.#receiver?.failed(undefined, 'pipe_peer_gone')
    this.finish()
  }

  #closed(): void {
    this.context.heartbeat.remove(this)
    if (!this.#closing.ending) this.#receiver?.failed(undefined, 'pipe_peer_gone')
    this.#release()
    for (const callback of this.#whenClosed.splice(0)) callback()
  }

  #release(): void {
    this.#closing.release()
    this.#readGate.count(0)
    this.#sendQueue.release()
  }
}
