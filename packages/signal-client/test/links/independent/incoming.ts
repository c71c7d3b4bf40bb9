// The receiving half of an end in one life: order, credit, and messages put together (14.5 to 14.7).

import { fromHex } from './decoder.js'
import { costOf, CHANNEL_WINDOW, LINK_WINDOW } from './outgoing.js'
import type { Frame, NumberedFrame } from './decoder.js'
import type { Data } from './outgoing.js'

const MAX_WINDOW = 4 << 20
const MAX_EARLY = 8 << 20
const MAX_MESSAGE = 64 << 20
const TOTALS_PER_ACK = 1000 // so that an ack is no larger than a payload may be

// A channel of the peer. `held` is the cost of what has come and does not count as consumed yet.
export type Theirs = {
  number: number
  key: string
  waits: boolean // we have no channel for the key
  kept: NumberedFrame[] // the data of a channel that waits
  parts: Uint8Array[]
  size: number // the message that is not complete
  held: number
  came: number
  consumed: number
  window: number
  fresh: number
  granted: number
}

const decodeText = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

export class Incoming {
  channels = new Map<number, Theirs>()
  byKey = new Map<string, Theirs>()
  lastChannel = 0
  expected = 0
  private readonly early = new Map<number, NumberedFrame>()
  private earlySize = 0
  private came = 0
  private consumed = 0
  private granted = LINK_WINDOW
  private relieved: Theirs | undefined

  open(number: number, key: string): Theirs {
    if (number !== this.lastChannel + 1) throw new Error('a channel out of turn')
    if (this.byKey.has(key)) throw new Error('a key that is open already')
    this.lastChannel = number
    const theirs: Theirs = {
      number,
      key,
      waits: true,
      kept: [],
      parts: [],
      size: 0,
      held: 0,
      came: 0,
      consumed: 0,
      window: CHANNEL_WINDOW,
      fresh: 0,
      granted: CHANNEL_WINDOW,
    }
    this.channels.set(number, theirs)
    this.byKey.set(key, theirs)
    return theirs
  }

  // Undefined where the channel is closed.
  find(number: number): Theirs | undefined {
    if (number > this.lastChannel) throw new Error('a channel that was never opened')
    return this.channels.get(number)
  }

  forget(theirs: Theirs): void {
    this.drop(theirs)
    this.channels.delete(theirs.number)
    this.byKey.delete(theirs.key)
  }

  // The frames whose turn has come, now that this one is here.
  inOrder(number: number, frame: NumberedFrame): NumberedFrame[] {
    if (
      number > this.expected &&
      !this.early.has(number) &&
      this.earlySize + costOf(frame) <= MAX_EARLY
    ) {
      this.early.set(number, frame)
      this.earlySize += costOf(frame)
    }
    const frames: NumberedFrame[] = []
    let next = number === this.expected ? frame : undefined
    while (next) {
      frames.push(next)
      this.expected++
      next = this.early.get(this.expected)
      if (!next) break
      this.early.delete(this.expected)
      this.earlySize -= costOf(next)
    }
    return frames
  }

  // Checks and counts a data frame. It is the channel, or undefined where nobody wants the frame.
  account(frame: NumberedFrame): Theirs | undefined {
    const theirs = this.find(frame.channel)
    this.came += costOf(frame)
    if (this.came > this.granted) throw new Error('more data than the link was granted')
    if (!theirs) {
      this.consumed += costOf(frame)
      return undefined
    }
    theirs.came += costOf(frame)
    if (theirs.came > theirs.granted) throw new Error('more data than the channel was granted')
    theirs.held += costOf(frame)
    return theirs
  }

  // The key is open: gives the data that was kept. It is held from now on, frame by frame.
  *unkeep(theirs: Theirs): Generator<NumberedFrame> {
    const { kept } = theirs
    theirs.waits = false
    theirs.kept = []
    theirs.held = 0
    for (const frame of kept) {
      theirs.held += costOf(frame)
      yield frame
    }
  }

  waiting(): number {
    return [...this.channels.values()].filter(({ waits }) => waits).length
  }

  // Nobody wants what the channel holds: it counts as consumed.
  drop(theirs: Theirs): void {
    theirs.kept = []
    theirs.parts = []
    theirs.size = 0
    this.finish(theirs)
  }

  isTooLarge(theirs: Theirs, frame: NumberedFrame): boolean {
    return theirs.size + frame.payload.length / 2 > MAX_MESSAGE
  }

  // Takes a frame that was counted. It is a message where that is complete, and the message is consumed.
  assemble(theirs: Theirs, frame: NumberedFrame): Data | undefined {
    const bytes = fromHex(frame.payload)
    theirs.parts.push(bytes)
    theirs.size += bytes.length
    if (frame.kind === 'fragment') {
      this.relieve(theirs)
      return undefined
    }
    const whole = theirs.parts.length === 1 ? bytes : new Uint8Array(Buffer.concat(theirs.parts))
    this.drop(theirs)
    return frame.kind === 'text' ? decodeText(whole) : whole
  }

  // A large message that is not complete counts as consumed, one of the link at a time.
  private relieve(theirs: Theirs): void {
    if (this.relieved ? this.relieved !== theirs : theirs.held <= theirs.window / 2) return
    this.relieved = theirs
    this.consume(theirs)
  }

  private finish(theirs: Theirs): void {
    this.consume(theirs)
    if (this.relieved !== theirs) return
    this.relieved = undefined
    for (const other of this.channels.values())
      if (!other.waits && other.parts.length > 0) this.relieve(other)
  }

  private consume(theirs: Theirs): void {
    theirs.consumed += theirs.held
    theirs.fresh += theirs.held
    this.consumed += theirs.held
    theirs.held = 0
    if (theirs.fresh < theirs.window || theirs.parts.length > 0) return
    theirs.window = Math.min(theirs.window * 2, MAX_WINDOW)
    theirs.fresh = 0
  }

  // Whether something was consumed of which the peer does not know.
  get hasRisen(): boolean {
    return this.consumed + LINK_WINDOW > this.granted
  }

  // The acknowledgements that are due, with all totals or with those that have risen.
  acks(all: boolean): Frame[] {
    const totals: [number, number][] = []
    const grant = (channel: number, total: number, before: number): number => {
      if (all || total > before) totals.push([channel, total])
      return total
    }
    this.granted = grant(0, this.consumed + LINK_WINDOW, this.granted)
    for (const theirs of this.channels.values()) {
      theirs.granted = grant(theirs.number, theirs.consumed + theirs.window, theirs.granted)
    }
    const acks: Frame[] = []
    do acks.push({ kind: 'ack', next: this.expected, totals: totals.splice(0, TOTALS_PER_ACK) })
    while (totals.length > 0)
    return acks
  }
}
