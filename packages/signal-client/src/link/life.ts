import { encodeClose } from './close-payload.js'
import { Channels, type ChannelsHandler } from './channels.js'
import { frameSize, framesOf, Kind, notice, Notice, writeFrame, type Frame } from './frames.js'
import type { LifeNonce } from './hello.js'
import type { Outside } from './host.js'
import { Incoming, type Arrival } from './incoming.js'
import { LINK_CREDIT, Outgoing, type Cursor } from './outgoing.js'
import { FRAME_COST } from './send-queue.js'
import { VarintReader } from './varint.js'
import { Violation } from './violation.js'

// an acknowledgement waits for a record that goes out anyway, but not for longer
const longestAckDelay = 50
/** How many channels the grants of one notice are about: its payload must not be too large. */
const GRANTS_PER_NOTICE = 1_000

/** A transport as the numbers of one life know it. */
export class Line {
  readonly cursor: Cursor = { next: 0, counted: undefined }
  readonly arrival: Arrival = { counted: undefined }

  constructor(readonly send: (record: Uint8Array) => void) {}
}

/** What a life tells its link. */
export interface LifeHandler extends ChannelsHandler {
  /** The peer has closed the link. */
  linkClosed(): void
}

/** One life of a link: what is numbered, acknowledged and granted belongs to it. */
export class Life {
  /** The peer's life; undefined until the two have met. */
  peer: LifeNonce | undefined
  /** The peer's life to which numbered frames were sent before the two have met. */
  promised: LifeNonce | undefined
  readonly outgoing = new Outgoing()
  readonly channels: Channels
  readonly #incoming = new Incoming(LINK_CREDIT)
  #isOver = false
  /** Something has come that is not acknowledged. */
  #owed = false
  /** What has come since the last acknowledgement, in bytes. */
  #owedCost = 0
  /** An acknowledgement goes out with the next record, or alone. */
  #isDue = false
  /** With it go the totals of all channels. */
  #withAll = false
  #ackedAt = -Infinity
  #stopTimer: (() => void) | undefined

  constructor(
    readonly nonce: LifeNonce,
    id: string,
    session: string,
    maxMessageBytes: number,
    private readonly outside: Outside,
    private readonly handler: LifeHandler,
  ) {
    this.channels = new Channels(id, session, this.outgoing, maxMessageBytes, handler)
  }

  /** The next number that is expected from the peer. */
  get expected(): number {
    return this.#incoming.expected
  }

  /**
   * Takes a record.
   * @throws Violation if it breaks a rule
   */
  take(line: Line, record: Uint8Array): void {
    const deliver = (frame: Frame) => this.#deliver(frame)
    for (const frame of framesOf(record)) {
      if (frame.kind === Kind.notice) this.#takeNotice(line, frame)
      else {
        const isNew = this.#incoming.take(line.arrival, frame, deliver)
        this.#owed = true
        this.#owedCost += frame.payload.length + FRAME_COST
        if (!isNew) this.#isDue = true
      }
      if (this.#isOver) return
    }
    this.#acknowledgeInTime()
  }

  /** The first record on a transport: what has come so far, before the peer's hello is judged. */
  greet(line: Line): void {
    const totals = this.channels.takeGrants(true)
    for (const frame of this.#acknowledge(totals)) line.send(recordOf(frame))
  }

  /** Closes the link. */
  close(): void {
    this.outgoing.control(0, Kind.close, encodeClose(1000, ''))
  }

  /** An acknowledgement with all totals goes out: what was told before may have died with a transport. */
  tellAll(): void {
    this.#isDue = true
    this.#withAll = true
  }

  /** Sends what there is. */
  flush(line: Line): void {
    if (this.#isOver) return
    this.#isDue ||= this.channels.grantsAreDue
    for (;;) {
      const withAck = this.#isDue || (this.#owed && this.outgoing.hasMore(line.cursor))
      const record = this.outgoing.record(line.cursor, withAck ? this.#acknowledgement() : [])
      if (!record) return
      line.send(record)
    }
  }

  end(): void {
    this.#isOver = true
    this.#stopTimer?.()
  }

  #takeNotice(line: Line, { channel, payload }: Frame): void {
    if (channel !== 0) throw new Violation('a notice on a channel')
    const reader = new VarintReader(payload)
    const kind = reader.next()
    if (kind === Notice.from) this.#incoming.from(line.arrival, reader)
    else if (kind === Notice.ping) line.send(recordOf(notice(Notice.pong)))
    else if (kind === Notice.ack) this.#takeAck(reader)
  }

  #takeAck(reader: VarintReader): void {
    this.outgoing.acknowledge(reader.next())
    while (!reader.ended) this.channels.granted(reader.next(), reader.next())
    this.handler.changed()
  }

  #deliver(frame: Frame): void {
    if (this.#isOver) return
    const { channel, kind } = frame
    if (channel !== 0 && kind !== Kind.control) return this.channels.take(frame)
    if (channel === 0 && kind === Kind.close) return this.handler.linkClosed()
    // this version knows no control frames
    if (channel !== 0 || kind !== Kind.control) throw new Violation('a frame on a wrong channel')
  }

  #acknowledgeInTime(): void {
    if (this.#owed) {
      const isLate = this.outside.now() - this.#ackedAt >= longestAckDelay
      if (isLate || this.#owedCost >= LINK_CREDIT / 4) this.#isDue = true
      else this.#stopTimer ??= this.outside.after(longestAckDelay, () => this.#timeIsUp())
    }
    if (this.#isDue || this.channels.grantsAreDue) this.handler.changed()
  }

  #timeIsUp(): void {
    this.#isDue = true
    this.handler.changed()
  }

  #acknowledgement(): Frame[] {
    const grants = this.#withAll || this.channels.grantsAreDue
    const totals = grants ? this.channels.takeGrants(this.#withAll) : []
    this.#owed = this.#isDue = this.#withAll = false
    this.#owedCost = 0
    this.#ackedAt = this.outside.now()
    this.#stopTimer?.()
    this.#stopTimer = undefined
    return this.#acknowledge(totals)
  }

  #acknowledge(totals: readonly (readonly [channel: number, total: number])[]): Frame[] {
    const notices: Frame[] = []
    for (let at = 0; at === 0 || at < totals.length; at += GRANTS_PER_NOTICE) {
      const some = totals.slice(at, at + GRANTS_PER_NOTICE).flat()
      notices.push(notice(Notice.ack, this.expected, ...some))
    }
    return notices
  }
}

/** A record of one frame. */
export function recordOf(frame: Frame): Uint8Array {
  const record = new Uint8Array(frameSize(frame))
  writeFrame(record, 0, frame)
  return record
}
