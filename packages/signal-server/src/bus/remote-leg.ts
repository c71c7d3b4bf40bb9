import { CloseCode } from 'signal-protocol'
import type { LegReceiver, PipeEnd } from '../connection/pipe-end.js'
import type { EndpointContext } from '../endpoint.js'
import type { Outcome } from '../stats.js'
import type { Instances } from './instances.js'
import type { BusMessage } from './wire.js'

/** Bytes that may be under way to the other instance and not written to its client yet. */
const windowBytes = 256 * 1024
const ackBytes = 32 * 1024
const outageTime = 5_000
const probeInterval = 3_000
const silenceTime = 12_000

type PipeMessage = Extract<BusMessage, { pipe: string }>

/**
 * The half of a pipe that another instance has: what is written to it travels over the bus, in
 * order and numbered, never more than a window ahead of what its client has read.
 */
export class RemoteLeg implements PipeEnd {
  readonly v1 = false
  /** State of the frames that come from there. */
  readonly translator = { atBoundary: true, closed: false, takeMessages: () => 0 }
  source: { readonly atBoundary: boolean } | undefined

  #receiver: LegReceiver | undefined
  #waiting: (() => void)[] = []
  #sent = 0
  #received = 0
  #unacked = 0
  #unackedHere = 0
  #paused = 0
  #over = false
  #downSince = 0
  #progressAt = Date.now()
  #sentAt = Date.now()
  #heardAt = Date.now()
  #acking: NodeJS.Immediate | undefined
  readonly #unwatch: () => void

  constructor(
    readonly pipe: string,
    readonly instance: string,
    private readonly instances: Instances,
    private readonly context: EndpointContext,
    private readonly forget: () => void,
  ) {
    this.#unwatch = instances.bus.watch((up) => this.#busChanged(up))
  }

  set receiver(receiver: LegReceiver) {
    this.#receiver = receiver
  }

  get queued(): number {
    return this.#unacked
  }

  get stalledFor(): number {
    return this.#unacked > 0 ? Date.now() - this.#progressAt : 0
  }

  get congested(): boolean {
    return this.#unacked >= windowBytes || this.#waiting.length > 0
  }

  write(bytes: Buffer): void {
    if (this.#over) return
    if (this.#unacked === 0) this.#progressAt = Date.now()
    this.#unacked += bytes.length
    this.context.budget.add(bytes.length)
    const boundary = this.source?.atBoundary ?? true
    this.#numbered((n) => ({ t: 'data', pipe: this.pipe, n, bytes, boundary }))
  }

  passClose(payload: Buffer): void {
    this.#numbered((n) => ({ t: 'close', pipe: this.pipe, n, payload }))
  }

  pause(reason: number): void {
    this.#paused |= reason
  }

  resume(reason: number): void {
    this.#paused &= ~reason
    if (this.#paused === 0) this.#ackSoon()
  }

  close(code: CloseCode): void {
    if (!this.#over) this.instances.send(this.instance, { t: 'end', pipe: this.pipe, code })
    this.finish()
  }

  finish(): void {
    if (this.#over) return
    this.#over = true
    this.#unwatch()
    clearImmediate(this.#acking)
    this.#waiting = []
    this.context.budget.add(-this.#unacked)
    this.#unacked = 0
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
    this.#heardAt = Date.now()
    switch (message.t) {
      case 'data':
        if (!this.#inOrder(message.n)) return
        this.translator.atBoundary = message.boundary
        this.#unackedHere += message.bytes.length
        this.#receiver?.data(Buffer.from(message.bytes))
        if (this.#paused === 0) this.#ackSoon()
        break
      case 'close':
        if (!this.#inOrder(message.n)) return
        this.translator.closed = true
        this.#receiver?.control(8, Buffer.from(message.payload))
        break
      case 'ack':
        this.#acknowledged(message.bytes)
        break
      case 'probe':
        // what was numbered and has not come was lost
        if (message.n !== this.#received) this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
        break
      case 'end':
        this.#endedThere(message.code as CloseCode)
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
  beat(now: number): void {
    if (this.#downSince) {
      if (now - this.#downSince >= outageTime) this.#fail(CloseCode.tryLater, 'pipe_unreachable')
      return
    }
    if (now - this.#heardAt >= silenceTime) return this.died()
    this.#receiver?.beat?.(now)
    if (now - this.#sentAt >= probeInterval) {
      this.#send({ t: 'probe', pipe: this.pipe, n: this.#sent })
    }
  }

  #numbered(message: (n: number) => PipeMessage): void {
    if (this.#over) return
    const publish = () => this.#send(message(++this.#sent))
    // at most a chunk or two: a congested leg's sender is paused
    if (this.instances.bus.up && this.#waiting.length === 0) publish()
    else this.#waiting.push(publish)
  }

  #send(message: PipeMessage): void {
    this.#sentAt = Date.now()
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

  #ackSoon(): void {
    if (this.#unackedHere >= ackBytes) this.#ack()
    else this.#acking ??= setImmediate(() => this.#ack())
  }

  #ack(): void {
    clearImmediate(this.#acking)
    this.#acking = undefined
    if (this.#over || this.#unackedHere === 0 || this.#paused) return
    this.#send({ t: 'ack', pipe: this.pipe, bytes: this.#unackedHere })
    this.#unackedHere = 0
  }

  #acknowledged(bytes: number): void {
    const acked = Math.min(bytes, this.#unacked)
    this.#unacked -= acked
    this.context.budget.add(-acked)
    this.#progressAt = Date.now()
    if (this.#unacked <= windowBytes / 2) this.#receiver?.drained?.()
  }

  #busChanged(up: boolean): void {
    this.#downSince = up ? 0 : Date.now()
    this.#heardAt = Date.now()
    if (!up) return
    for (const publish of this.#waiting.splice(0)) publish()
    if (!this.congested) this.#receiver?.drained?.()
    this.#ackSoon()
  }

  #endedThere(code: CloseCode): void {
    const outcome: Outcome =
      code === CloseCode.superseded
        ? 'superseded'
        : code === CloseCode.timedOut
          ? 'pipe_stalled'
          : code === CloseCode.restarting
            ? 'restarted'
            : 'pipe_peer_gone'
    this.finish()
    this.#receiver?.failed(undefined, outcome, code)
  }

  #fail(code: CloseCode, outcome: Outcome): void {
    if (this.#over) return
    this.close(CloseCode.peerGone)
    this.#receiver?.failed(undefined, outcome, code)
  }
}
