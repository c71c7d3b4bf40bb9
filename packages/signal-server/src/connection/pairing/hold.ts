import { CloseCode } from 'signal-server-protocol'
import type { EndpointContext } from '../../endpoint.js'
import type { Outcome } from '../../stats.js'
import { Rank } from '../../limits/holders.js'
import { Opcode, type ControlOpcode } from '../pipe/frame.js'
import type { HeldBytes, HeldShare, Waiter } from './held-bytes.js'
import { Pause } from '../pipe/read-gate.js'
import type { LocalEnd } from '../pipe/local-end.js'
import type { PipeReceiver } from '../pipe/pipe-end.js'
import type { Place } from './place.js'
import { Pongs } from './pongs.js'

// the most that one read from the kernel delivers
const chunkBytes = 64 * 1024
// most say little while they wait, and thousands may wait
const firstCapacity = 512

/** Keeps what a client sends while it waits for its peer, and answers its pings and its close. */
export class Hold implements PipeReceiver, Waiter {
  readonly rank = Rank.waiting
  #bytes: Buffer | undefined
  #size = 0
  /** Bytes that were read before a pause, and come after it. */
  #ahead = 0
  /** Size of what the client offered for the link protocol; its end keeps that until it is paired. */
  #helloBytes: number
  readonly #share: HeldShare
  /** Nothing is held any more, though its connection may still be closing. */
  #freed = false
  /** Most send no pings while they wait. */
  #pongs: Pongs | undefined
  readonly #startedAt = Date.now()
  readonly #timer: NodeJS.Timeout

  /**
   * @param heldBytes - counts what is held
   * @param over - the wait ends without a peer; called once
   */
  constructor(
    readonly place: Place,
    readonly localEnd: LocalEnd,
    private readonly context: EndpointContext,
    heldBytes: HeldBytes,
    private readonly over: (outcome: Outcome) => void,
  ) {
    this.#share = heldBytes.enter(this)
    const { holdTimeout } = context.settings
    this.#timer = setTimeout(() => this.failed(CloseCode.timedOut, 'hold_timed_out'), holdTimeout)
    localEnd.receiver = this
    this.#helloBytes = localEnd.hello?.length ?? 0
    this.#count()
  }

  get address(): string | undefined {
    return this.localEnd.address
  }

  /** How long it has waited, in milliseconds. */
  get age(): number {
    return Date.now() - this.#startedAt
  }

  /** Ends the hold and hands over what was held, as frames for the peer. */
  take(): Buffer | undefined {
    this.#stop()
    const held = this.#bytes?.subarray(0, this.#size)
    this.#free()
    this.#pongs?.answer()
    this.localEnd.resume(Pause.full | Pause.pings | Pause.budget | Pause.held)
    return held
  }

  /** Ends the hold with a close code. */
  end(code: CloseCode): void {
    this.#stop()
    this.#free()
    this.localEnd.close(code)
  }

  data(bytes: Buffer): void {
    this.#reserve(this.#size + bytes.length)
    // a copy, for a view would pin the whole chunk
    bytes.copy(this.#bytes!, this.#size)
    this.#size += bytes.length
    if (this.#size + chunkBytes > this.context.settings.maxHeldBytes)
      this.localEnd.pause(Pause.full)
  }

  control(opcode: ControlOpcode, payload: Buffer, count: number): void {
    if (opcode === Opcode.close) {
      this.#stop()
      this.#free()
      this.localEnd.passClose(payload)
      this.localEnd.finish()
      this.over('hold_left')
      return
    }
    this.#pongs ??= new Pongs(this.localEnd, this.context.settings)
    if (!this.#pongs.take(opcode, payload, count)) this.failed(CloseCode.tooMany, 'rate_limited')
  }

  failed(code: CloseCode | undefined, outcome: Outcome): void {
    if (code === undefined) {
      this.#stop()
      this.#free()
      this.over(outcome === 'pipe_peer_gone' ? 'hold_left' : outcome)
    } else {
      this.end(code)
      this.over(outcome)
    }
  }

  readAhead(bytes: number): void {
    if (this.#freed) return
    this.#ahead = bytes
    this.#count()
  }

  sendQueueDrained(): void {
    this.#pongs?.answer()
  }

  shed(): void {
    this.failed(CloseCode.tryLater, 'hold_shed')
  }

  pause(): void {
    this.localEnd.pause(Pause.held)
  }

  resume(): void {
    this.readAhead(0)
    this.localEnd.resume(Pause.held)
  }

  stalled(): void {
    this.failed(CloseCode.timedOut, 'slow_reader')
  }

  /** Makes room, doubling, so that many small frames cost no more than one large one. */
  #reserve(size: number): void {
    const capacity = this.#bytes?.length ?? 0
    if (size <= capacity) return
    let larger = Math.max(capacity, firstCapacity)
    while (larger < size) larger *= 2
    const grown = Buffer.allocUnsafeSlow(larger)
    this.#bytes?.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
    this.#count()
  }

  #count(): void {
    this.#share.set(this.#helloBytes + (this.#bytes?.length ?? 0), this.#ahead)
  }

  #free(): void {
    this.#bytes = undefined
    this.#size = 0
    this.#helloBytes = 0
    this.#freed = true
    this.#share.release()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#pongs?.stop()
  }
}
