import { CloseCode } from 'signal-server-protocol'
import type { EndpointContext } from '../../endpoint.js'
import { Rank } from '../../limits/holders.js'
import { TokenBucket } from '../../limits/token-bucket.js'
import type { Outcome } from '../../stats.js'
import { Opcode, serverFrame, type ControlOpcode } from './frame.js'
import { tellPaired } from './paired.js'
import { Pause } from './read-gate.js'
import { PingLimit } from './ping-limit.js'
import type { PipeReceiver, PipeEnd } from './pipe-end.js'

/** Two ends joined: what one client sends, the other gets. */
export class Pipe {
  readonly #directions: readonly [Direction, Direction]
  #over = false
  readonly #startedAt = Date.now()
  readonly #rate: TokenBucket | undefined

  /**
   * @param ids - of the peers, in the order of the ends
   * @param held - what the peers sent while they waited; it goes first
   * @param ended - called once, with the outcome
   */
  constructor(
    readonly ids: readonly [string, string],
    readonly ends: readonly [PipeEnd, PipeEnd],
    held: readonly [Buffer | undefined, Buffer | undefined],
    readonly context: EndpointContext,
    private readonly ended: (outcome: Outcome) => void,
  ) {
    const { maxPipeBytesPerSecond } = context.settings
    if (maxPipeBytesPerSecond < Infinity) {
      this.#rate = new TokenBucket(maxPipeBytesPerSecond, maxPipeBytesPerSecond)
    }
    const [first, second] = ends
    tellPaired(first, second)
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
    return Math.max(this.ends[0].stalledFor, this.ends[1].stalledFor)
  }

  /**
   * Counts bytes that came from an end.
   * @returns milliseconds until the pipe may carry more; 0 where it may now
   */
  spend(bytes: number, end: PipeEnd): number {
    this.#count(bytes, end)
    return this.#rate?.spend(bytes) ?? 0
  }

  /** How long it has lived, in milliseconds. */
  get age(): number {
    return Date.now() - this.#startedAt
  }

  /** Whether it has lived as long as a pipe may. */
  expired(now: number): boolean {
    return now - this.#startedAt >= this.context.settings.maxPipeTime
  }

  /** Closes both ends; one without a code loses its connection at once. */
  end(outcome: Outcome, end: PipeEnd, code: CloseCode | undefined, otherCode: CloseCode): void {
    if (this.#over) return
    this.#finish(outcome)
    const [first, second] = this.ends
    if (code === undefined) end.finish()
    else end.close(code)
    const other = end === first ? second : first
    other.close(otherCode)
  }

  /** Ends it to free memory: the client that does not read loses its connection at once. */
  shed(): void {
    const [first, second] = this.ends
    const firstStalls = first.stalledFor > second.stalledFor
    const [reader, sender] = firstStalls ? [first, second] : [second, first]
    this.end('pipe_shed', sender, CloseCode.tryLater, CloseCode.tryLater)
    reader.destroy()
  }

  /** The end at which one of the two peers is. */
  endOf(id: string): PipeEnd {
    return this.ids[0] === id ? this.ends[0] : this.ends[1]
  }

  /** Both close frames have passed. */
  closed(): void {
    if (this.#over) return
    this.#finish('pipe_closed')
    for (const end of this.ends) end.finish()
  }

  /** Ends both connections at once, without a close frame. */
  destroy(): void {
    if (this.#over) return
    this.#finish('restarted')
    for (const end of this.ends) end.destroy()
  }

  #pass(held: Buffer, from: PipeEnd, to: PipeEnd): void {
    this.#count(held.length, from)
    to.write(held)
  }

  #count(bytes: number, end: PipeEnd): void {
    // what comes from another instance was counted there
    if (end.isHere) this.context.outcomes.pipedBytes += bytes
    this.context.outcomes.pipedMessages += end.translator.takeMessages()
  }

  #finish(outcome: Outcome): void {
    this.#over = true
    for (const direction of this.#directions) direction.stop()
    this.ended(outcome)
  }
}

/** One way through a pipe. */
class Direction implements PipeReceiver {
  readonly rank = Rank.moving
  #rateTimer: NodeJS.Timeout | undefined
  /** Most clients send no pings. */
  #pingLimit: PingLimit | undefined

  constructor(
    private readonly pipe: Pipe,
    private readonly end: PipeEnd,
    private readonly target: PipeEnd,
  ) {}

  data(bytes: Buffer): void {
    this.target.write(bytes)
    if (this.target.congested) this.end.pause(Pause.target)
    const wait = this.pipe.spend(bytes.length, this.end)
    if (wait > 0 && this.#rateTimer === undefined) this.#slow(wait)
  }

  control(opcode: ControlOpcode, payload: Buffer, count: number): void {
    if (opcode === Opcode.close) {
      this.target.passClose(payload)
      if (this.target.translator.closed) this.pipe.closed()
      return
    }
    // every ping asks the other client for a pong; a pong asks for nothing, and costs what data costs
    if (opcode === Opcode.ping) {
      this.#pingLimit ??= new PingLimit(this.end, this.pipe.context.settings)
      if (!this.#pingLimit.spend(count)) return this.failed(CloseCode.tooMany, 'rate_limited')
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
    const closing = this.end.translator.closed || this.target.translator.closed
    const name = closing && code === undefined ? 'pipe_closed' : outcome
    this.pipe.end(name, this.end, code, otherCode)
  }

  shed(): void {
    this.pipe.end('pipe_shed', this.end, CloseCode.tryLater, CloseCode.tryLater)
  }

  stalled(): void {
    this.pipe.end('pipe_stalled', this.target, CloseCode.timedOut, CloseCode.timedOut)
    this.end.destroy()
  }

  beat(now: number): void {
    if (this.pipe.expired(now)) {
      this.pipe.end('pipe_expired', this.end, CloseCode.timedOut, CloseCode.timedOut)
    }
  }

  /** What the other direction has written to this end is sent: the target may be read again. */
  sendQueueDrained(): void {
    this.target.resume(Pause.target)
  }

  stop(): void {
    clearTimeout(this.#rateTimer)
    this.#pingLimit?.stop()
  }

  #slow(wait: number): void {
    this.end.pause(Pause.rate)
    this.#rateTimer = setTimeout(() => {
      this.#rateTimer = undefined
      this.end.resume(Pause.rate)
    }, wait)
  }
}
