import { CloseCode } from 'signal-server-protocol'
import type { PipeReceiver, PipeEnd } from '../pipe/pipe-end.js'
import type { Outcome } from '../../stats.js'
import { Credit, type Windows } from './credit.js'
import type { Instances } from '../../cluster/instances.js'
import { Receipts } from './receipts.js'
import type { BusMessage, Probe } from '../../cluster/wire.js'

const outageTime = 5_000
const silenceTime = 12_000

type PipeMessage = Extract<BusMessage, { pipe: string }>
type Numbered = Extract<PipeMessage, { t: 'data' | 'close' }>
type Unsigned<M> = M extends Numbered ? Omit<M, 'pipe' | 'n' | 'acked'> : never

/** A copy, where a view would pin much else that came with it in one chunk. */
const unpinned = (bytes: Buffer) =>
  2 * bytes.length >= bytes.buffer.byteLength ? bytes : Buffer.from(bytes)

/**
 * The end of a pipe that another instance has: what is written to it travels over the bus, in
 * order and numbered, never more than a window ahead of what its client has read.
 */
export class RemoteEnd implements PipeEnd {
  readonly v1 = false
  hello: string | undefined
  readonly isHere = false
  /** State of the frames that come from there. */
  readonly translator = { atBoundary: true, closed: false, takeMessages: () => 0 }
  source: { readonly atBoundary: boolean } | undefined

  #receiver: PipeReceiver | undefined
  /** What was to be sent while the bus was down. */
  #waiting: Unsigned<Numbered>[] = []
  /** Numbers of the messages, in each direction. */
  #sent = 0
  #received = 0
  readonly #credit: Credit
  readonly #receipts = new Receipts((acked) => {
    this.#send({ t: 'ack', pipe: this.pipe, acked })
  })
  #paused = 0
  #over = false
  #quiet = false
  #downSince: number | undefined
  #heardAt = performance.now()
  readonly #unwatch: () => void

  constructor(
    readonly pipe: string,
    readonly instance: string,
    private readonly instances: Instances,
    windows: Windows,
    private readonly forget: () => void,
  ) {
    this.#credit = new Credit(windows)
    const { bus } = instances
    if (!bus.up) this.#downSince = performance.now()
    this.#unwatch = bus.watch((up) => this.#busChanged(up))
  }

  set receiver(receiver: PipeReceiver) {
    this.#receiver = receiver
  }

  get queued(): number {
    return this.#credit.queued
  }

  get stalledFor(): number {
    return this.#credit.stalledFor
  }

  get congested(): boolean {
    return this.#credit.spent || this.#waiting.length > 0
  }

  /** What is told of a pipe on which nothing was sent since the last look; undefined for others. */
  takeProbe(): Probe | undefined {
    const quiet = this.#quiet && this.#downSince === undefined
    this.#quiet = true
    return quiet ? this.#probe : undefined
  }

  write(bytes: Buffer): void {
    if (this.#over) return
    const ask = this.#credit.spend(bytes.length)
    const boundary = this.source?.atBoundary ?? true
    this.#sendNumbered({ t: 'data', boundary, ask, bytes })
  }

  passClose(payload: Buffer): void {
    this.#sendNumbered({ t: 'close', payload: payload.toString('latin1') })
  }

  pause(reason: number): void {
    this.#paused |= reason
    this.#receipts.hold(true)
  }

  resume(reason: number): void {
    this.#paused &= ~reason
    this.#receipts.hold(this.#paused !== 0)
    if (!this.#over) this.#receipts.acknowledge()
  }

  close(code: CloseCode): void {
    if (!this.#over) this.instances.send(this.instance, { t: 'end', pipe: this.pipe, code })
    this.finish()
  }

  finish(): void {
    if (this.#over) return
    this.#over = true
    this.#unwatch()
    this.#receipts.end()
    this.#waiting = []
    this.#credit.end()
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
        this.#receipts.take(message.bytes.length, message.ask)
        this.#receiver?.data(unpinned(message.bytes))
        if (!this.#over) this.#receipts.acknowledge()
        break
      case 'close':
        if (!this.#inOrder(message.n)) return
        this.translator.closed = true
        this.#receiver?.control(8, Buffer.from(message.payload, 'latin1'), 1)
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

  /** The other instance says how many numbered messages it has sent. */
  probed([, n, acked]: Probe): void {
    if (this.#over) return
    this.#heardAt = performance.now()
    this.#acknowledged(acked)
    // what was numbered and has not come was lost
    if (n !== this.#received) this.#fail(CloseCode.peerGone, 'pipe_peer_gone')
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
  }

  get #probe(): Probe {
    return [this.pipe, this.#sent, this.#receipts.acked]
  }

  #sendNumbered(message: Unsigned<Numbered>): void {
    if (this.#over) return
    // at most a chunk or two: the sender to a congested end is paused
    if (!this.instances.bus.up || this.#waiting.length > 0) return void this.#waiting.push(message)
    const acked = this.#receipts.attach()
    this.#send({ ...message, pipe: this.pipe, n: ++this.#sent, acked })
  }

  #send(message: BusMessage): void {
    this.#quiet = false
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

  #acknowledged(bytes: number): void {
    if (!this.#credit.acknowledge(bytes)) return
    if (this.#credit.low && !this.congested) this.#receiver?.sendQueueDrained?.()
  }

  #busChanged(up: boolean): void {
    this.#downSince = up ? undefined : performance.now()
    this.#heardAt = performance.now()
    if (!up) return
    for (const message of this.#waiting.splice(0)) this.#sendNumbered(message)
    // at once, for what was lost must be known before more is sent into the gap
    this.#send({ t: 'probe', pipes: [this.#probe] })
    if (!this.congested) this.#receiver?.sendQueueDrained?.()
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
