import { CloseCode } from 'signal-protocol'
import type { LegReceiver, PipeEnd } from '../connection/pipe-end.js'
import type { EndpointContext } from '../endpoint.js'
import type { Outcome } from '../stats.js'
import type { Instances } from './instances.js'
import type { BusMessage } from './wire.js'

/** Bytes that may be under way to the other instance and not written to its client yet. */
const windowBytes = 512 * 1024
// while the server is short of memory
const shortWindowBytes = 64 * 1024
// what is read is acknowledged when it is much, or after a moment, or with what goes the other way
const ackBytes = shortWindowBytes
const ackTime = 20
const outageTime = 5_000
const probeInterval = 3_000
const silenceTime = 12_000

type PipeMessage = Extract<BusMessage, { pipe: string }>
type Numbered = Extract<PipeMessage, { t: 'data' | 'close' }>
type Unsigned<M> = M extends Numbered ? Omit<M, 'pipe' | 'n' | 'acked'> : never

/** A copy, where a view would pin much else that came with it in one chunk. */
const unpinned = (bytes: Buffer) =>
  2 * bytes.length >= bytes.buffer.byteLength ? bytes : Buffer.from(bytes)

/**
 * The half of a pipe that another instance has: what is written to it travels over the bus, in
 * order and numbered, never more than a window ahead of what its client has read.
 */
export class RemoteLeg implements PipeEnd {
  readonly v1 = false
  readonly isHere = false
  /** State of the frames that come from there. */
  readonly translator = { atBoundary: true, closed: false, takeMessages: () => 0 }
  source: { readonly atBoundary: boolean } | undefined

  #receiver: LegReceiver | undefined
  /** What was to be sent while the bus was down. */
  #waiting: Unsigned<Numbered>[] = []
  /** Numbers of the messages, in each direction. */
  #sent = 0
  #received = 0
  /** Bytes in all, in each direction, and how many of them were acknowledged. */
  #bytesSent = 0
  #bytesSentAcked = 0
  #bytesReceived = 0
  #bytesReceivedAcked = 0
  #paused = 0
  #over = false
  #downSince: number | undefined
  #progressAt = performance.now()
  #sentAt = performance.now()
  #heardAt = performance.now()
  #acking: NodeJS.Timeout | undefined
  readonly #unwatch: () => void

  constructor(
    readonly pipe: string,
    readonly instance: string,
    private readonly instances: Instances,
    private readonly context: EndpointContext,
    private readonly forget: () => void,
  ) {
    const { bus } = instances
    if (!bus.up) this.#downSince = performance.now()
    this.#unwatch = bus.watch((up) => this.#busChanged(up))
  }

  set receiver(receiver: LegReceiver) {
    this.#receiver = receiver
  }

  get queued(): number {
    return this.#bytesSent - this.#bytesSentAcked
  }

  get stalledFor(): number {
    return this.queued > 0 ? performance.now() - this.#progressAt : 0
  }

  get congested(): boolean {
    const window = this.context.budget.over ? shortWindowBytes : windowBytes
    return this.queued >= window || this.#waiting.length > 0
  }

  write(bytes: Buffer): void {
    if (this.#over) return
    if (this.queued === 0) this.#progressAt = performance.now()
    this.#bytesSent += bytes.length
    this.context.budget.add(bytes.length)
    const boundary = this.source?.atBoundary ?? true
    this.#sendNumbered({ t: 'data', boundary, bytes })
  }

  passClose(payload: Buffer): void {
    this.#sendNumbered({ t: 'close', payload: payload.toString('latin1') })
  }

  pause(reason: number): void {
    this.#paused |= reason
  }

  resume(reason: number): void {
    this.#paused &= ~reason
    this.#acknowledge()
  }

  close(code: CloseCode): void {
    if (!this.#over) this.instances.send(this.instance, { t: 'end', pipe: this.pipe, code })
    this.finish()
  }

  finish(): void {
    if (this.#over) return
    this.#over = true
    this.#unwatch()
    clearTimeout(this.#acking)
    this.#waiting = []
    this.context.budget.add(-this.queued)
    this.#bytesSentAcked = this.#bytesSent
    this.forget()
  }

  destroy(): void {
    this.close(CloseCode.peerGone)
  }

  /** Its connection is another instance's matter. */
  whenClosed(callback: () => void): void {
    callback()
  }

  /** A message of the other instance about this pipe. */
  receive(message: PipeMessage): void {
    if (this.#over) return
    this.#heardAt = performance.now()
    if ('acked' in message) this.#acknowledged(message.acked)
    switch (message.t) {
      case 'data':
        if (!this.#inOrder(message.n)) return
        this.translator.atBoundary = message.boundary
        this.#bytesReceived += message.bytes.length
        this.#receiver?.data(unpinned(message.bytes))
        this.#acknowledge()
        break
      case 'close':
        if (!this.#inOrder(message.n)) return
        this.translator.closed = true
        this.#receiver?.control(8, Buffer.from(message.payload, 'latin1'))
        break
      case 'probe':
        // what was numbered and has not come was lost
        if (message.n !== this.#received) this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
        break
      case 'ack':
        break
      case 'end':
        this.#endedThere(message.code)
        break
      case 'gone':
        this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
        break
    }
  }

  /** The other instance is gone. */
  died(): void {
    this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
  }

  /** Called about once a second. */
  beat(): void {
    const now = performance.now()
    if (this.#downSince !== undefined) {
      if (now - this.#downSince >= outageTime) this.#fail(CloseCode.tryLater, 'pipe_unreachable')
      return
    }
    if (now - this.#heardAt >= silenceTime) return this.died()
    this.#receiver?.beat?.(Date.now())
    if (!this.#over && now - this.#sentAt >= probeInterval) {
      this.#send({ t: 'probe', pipe: this.pipe, n: this.#sent, acked: this.#bytesReceivedAcked })
    }
  }

  #sendNumbered(message: Unsigned<Numbered>): void {
    if (this.#over) return
    // at most a chunk or two: a congested leg's sender is paused
    if (!this.instances.bus.up || this.#waiting.length > 0) return void this.#waiting.push(message)
    if (this.#paused === 0) this.#bytesReceivedAcked = this.#bytesReceived
    this.#send({ ...message, pipe: this.pipe, n: ++this.#sent, acked: this.#bytesReceivedAcked })
  }

  #send(message: PipeMessage): void {
    this.#sentAt = performance.now()
    this.instances.send(this.instance, message)
  }

  #inOrder(n: number): boolean {
    if (n !== this.#received + 1) {
      this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
      return false
    }
    this.#received = n
    return true
  }

  /** Acknowledges what the client here has taken: now where it is much, else soon. */
  #acknowledge(): void {
    const unacked = this.#bytesReceived - this.#bytesReceivedAcked
    if (this.#over || this.#paused !== 0 || unacked === 0) return
    if (unacked >= ackBytes) return this.#sendAck()
    this.#acking ??= setTimeout(() => this.#sendAck(), ackTime)
  }

  #sendAck(): void {
    clearTimeout(this.#acking)
    this.#acking = undefined
    if (this.#paused !== 0 || this.#bytesReceivedAcked === this.#bytesReceived) return
    this.#bytesReceivedAcked = this.#bytesReceived
    this.#send({ t: 'ack', pipe: this.pipe, acked: this.#bytesReceived })
  }

  /** @param bytes - in all, so that a later one stands for one that was lost */
  #acknowledged(bytes: number): void {
    const acked = Math.min(bytes, this.#bytesSent) - this.#bytesSentAcked
    if (!(acked > 0)) return
    this.#bytesSentAcked += acked
    this.context.budget.add(-acked)
    this.#progressAt = performance.now()
    if (this.queued <= windowBytes / 2 && !this.congested) this.#receiver?.drained?.()
  }

  #busChanged(up: boolean): void {
    this.#downSince = up ? undefined : performance.now()
    this.#heardAt = performance.now()
    if (!up) return
    for (const message of this.#waiting.splice(0)) this.#sendNumbered(message)
    // at once, for what was lost must be known before more is sent into the gap
    this.#send({ t: 'probe', pipe: this.pipe, n: this.#sent, acked: this.#bytesReceivedAcked })
    if (!this.congested) this.#receiver?.drained?.()
  }

  #endedThere(code: number): void {
    const { tryLater, superseded, timedOut, restarting, peerGone } = CloseCode
    const known: Record<number, [CloseCode, Outcome]> = {
      [superseded]: [superseded, 'superseded'],
      [timedOut]: [timedOut, 'pipe_stalled'],
      [restarting]: [restarting, 'restarted'],
      [tryLater]: [tryLater, 'pipe_shed'],
    }
    const [ownCode, outcome] = known[code] ?? [peerGone, 'pipe_peer_gone']
    this.finish()
    this.#receiver?.failed(undefined, outcome, ownCode)
  }

  #fail(code: CloseCode, outcome: Outcome): void {
    if (this.#over) return
    this.close(CloseCode.peerGone)
    this.#receiver?.failed(undefined, outcome, code)
  }
}
