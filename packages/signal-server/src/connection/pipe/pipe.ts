import { CloseCode, PAIRED_TEXT } from 'signal-protocol'
import type { EndpointContext } from '../../endpoint.js'
import { Rank } from '../../limits/holders.js'
import { Pace } from '../../limits/pace.js'
import type { Outcome } from '../../stats.js'
import { Opcode, serverFrame, type ControlOpcode } from './frame.js'
import { Pause } from './inlet.js'
import { PingPace } from './ping-pace.js'
import type { LegReceiver, PipeEnd } from './pipe-end.js'

const paired = serverFrame(Opcode.text, PAIRED_TEXT)

/** Two legs joined: what one client sends, the other gets. */
export class Pipe {
  readonly #directions: readonly [Direction, Direction]
  #over = false
  readonly #startedAt = Date.now()
  readonly #pace: Pace | undefined

  /**
   * @param ids - of the peers, in the order of the legs
   * @param held - what the peers sent while they waited; it goes first
   * @param ended - called once, with the outcome
   */
  constructor(
    readonly ids: readonly [string, string],
    readonly legs: readonly [PipeEnd, PipeEnd],
    held: readonly [Buffer | undefined, Buffer | undefined],
    readonly context: EndpointContext,
    private readonly ended: (outcome: Outcome) => void,
  ) {
    const { maxPipeBytesPerSecond } = context.settings
    if (maxPipeBytesPerSecond < Infinity) {
      this.#pace = new Pace(maxPipeBytesPerSecond, maxPipeBytesPerSecond)
    }
    const [first, second] = legs
    for (const leg of legs) if (leg.v1) leg.write(paired)
    second.source = first.translator
    first.source = second.translator
    if (held[0]) this.#pass(held[0], first, second)
    if (held[1]) this.#pass(held[1], second, first)
    this.#directions = [new Direction(this, first, second), new Direction(this, second, first)]
    first.receiver = this.#directions[0]
    second.receiver = this.#directions[1]
  }

  /** Milliseconds for which what waits for one of the clients has not moved. */
  get stalledFor(): number {
    return Math.max(this.legs[0].stalledFor, this.legs[1].stalledFor)
  }

  /**
   * Counts bytes that came from a leg.
   * @returns milliseconds until the pipe may carry more; 0 where it may now
   */
  spend(bytes: number, leg: PipeEnd): number {
    this.#count(bytes, leg)
    return this.#pace?.spend(bytes) ?? 0
  }

  /** How long it has lived, in milliseconds. */
  get age(): number {
    return Date.now() - this.#startedAt
  }

  /** Whether it has lived as long as a pipe may. */
  expired(now: number): boolean {
    return now - this.#startedAt >= this.context.settings.maxPipeTime
  }

  /** Ends both legs; a leg without a code loses its connection at once. */
  end(outcome: Outcome, leg: PipeEnd, code: CloseCode | undefined, otherCode: CloseCode): void {
    if (this.#over) return
    this.#finish(outcome)
    const [first, second] = this.legs
    if (code === undefined) leg.finish()
    else leg.close(code)
    const other = leg === first ? second : first
    other.close(otherCode)
  }

  /** Ends it to free memory: the client that does not read loses its connection at once. */
  shed(): void {
    const [first, second] = this.legs
    const firstStalls = first.stalledFor > second.stalledFor
    const [reader, sender] = firstStalls ? [first, second] : [second, first]
    this.end('pipe_shed', sender, CloseCode.tryLater, CloseCode.tryLater)
    reader.destroy()
  }

  /** The leg of one of the two peers. */
  legOf(id: string): PipeEnd {
    return this.ids[0] === id ? this.legs[0] : this.legs[1]
  }

  /** Both close frames have passed. */
  closed(): void {
    if (this.#over) return
    this.#finish('pipe_closed')
    for (const leg of this.legs) leg.finish()
  }

  /** Ends both connections at once, without a close frame. */
  destroy(): void {
    if (this.#over) return
    this.#finish('restarted')
    for (const leg of this.legs) leg.destroy()
  }

  #pass(held: Buffer, from: PipeEnd, to: PipeEnd): void {
    this.#count(held.length, from)
    to.write(held)
  }

  #count(bytes: number, leg: PipeEnd): void {
    // what comes from another instance was counted there
    if (leg.isHere) this.context.outcomes.pipedBytes += bytes
    this.context.outcomes.pipedMessages += leg.translator.takeMessages()
  }

  #finish(outcome: Outcome): void {
    this.#over = true
    for (const direction of this.#directions) direction.stop()
    this.ended(outcome)
  }
}

/** One way through a pipe. */
class Direction implements LegReceiver {
  readonly rank = Rank.moving
  #paceTimer: NodeJS.Timeout | undefined
  /** Most clients send no pings. */
  #pingPace: PingPace | undefined

  constructor(
    private readonly pipe: Pipe,
    private readonly leg: PipeEnd,
    private readonly target: PipeEnd,
  ) {}

  data(bytes: Buffer): void {
    this.target.write(bytes)
    if (this.target.congested) this.leg.pause(Pause.target)
    const wait = this.pipe.spend(bytes.length, this.leg)
    if (wait > 0 && this.#paceTimer === undefined) this.#slow(wait)
  }

  control(opcode: ControlOpcode, payload: Buffer, count: number): void {
    if (opcode === Opcode.close) {
      this.target.passClose(payload)
      if (this.target.translator.closed) this.pipe.closed()
      return
    }
    // every ping asks the other client for a pong; a pong asks for nothing, and costs what data costs
    if (opcode === Opcode.ping) {
      this.#pingPace ??= new PingPace(this.leg, this.pipe.context.settings)
      if (!this.#pingPace.spend(count)) return this.failed(CloseCode.tooMany, 'rate_limited')
    }
    // with the data that came in the same chunk
    this.target.cork?.()
    this.data(serverFrame(opcode, payload))
  }

  failed(
    code: CloseCode | undefined,
    outcome: Outcome,
    otherCode: CloseCode = CloseCode.peerGone,
  ): void {
    const closing = this.leg.translator.closed || this.target.translator.closed
    const name = closing && code === undefined ? 'pipe_closed' : outcome
    this.pipe.end(name, this.leg, code, otherCode)
  }

  shed(): void {
    this.pipe.end('pipe_shed', this.leg, CloseCode.tryLater, CloseCode.tryLater)
  }

  stalled(): void {
    this.pipe.end('pipe_stalled', this.target, CloseCode.timedOut, CloseCode.timedOut)
    this.leg.destroy()
  }

  beat(now: number): void {
    if (this.pipe.expired(now)) {
      this.pipe.end('pipe_expired', this.leg, CloseCode.timedOut, CloseCode.timedOut)
    }
  }

  /** The leg's own queue, which the target fills, is written. */
  drained(): void {
    this.target.resume(Pause.target)
  }

  stop(): void {
    clearTimeout(this.#paceTimer)
    this.#pingPace?.stop()
  }

  #slow(wait: number): void {
    this.leg.pause(Pause.pace)
    this.#paceTimer = setTimeout(() => {
      this.#paceTimer = undefined
      this.leg.resume(Pause.pace)
    }, wait)
  }
}
