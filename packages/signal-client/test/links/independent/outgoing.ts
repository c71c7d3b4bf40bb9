// The sending half of an end in one life: channels, credit, and unacknowledged frames (14.5 to 14.8).

import { encodeFrame, toHex, MAX_PAYLOAD, MAX_RECORD } from './decoder.js'
import type { Frame, NumberedFrame, NumberedKind } from './decoder.js'

export type Data = string | Uint8Array
export const CHANNEL_WINDOW = 65_536
export const LINK_WINDOW = 8 << 20
const MAX_UNFINISHED = 2 << 20

type Queued = { frame: NumberedFrame; cost: number; whole: number; first: boolean; last: boolean }

// One of our channels. `begun` is the cost of the whole message of which only a part has gone out.
export type Own = {
  number: number
  key: string
  limit: number
  spent: number
  queue: Queued[]
  begun: number
  wasOpen: boolean
  closing: boolean
  code: number
  closeSent: boolean
  again: Data[] // what is to be sent on the next channel of the key
}

export const costOf = (frame: NumberedFrame): number => frame.payload.length / 2 + 32
const closePayload = (code: number): string => code.toString(16).padStart(4, '0')
const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0)

export class Outgoing {
  channels = new Map<number, Own>() // in the order in which they may send
  byKey = new Map<string, Own>()
  lastChannel = 0
  unacknowledged: NumberedFrame[] = []
  nextNumber = 0
  private readonly control: NumberedFrame[] = []
  private limit = LINK_WINDOW
  private spent = 0

  open(key: string): Own {
    const own: Own = {
      number: ++this.lastChannel,
      key,
      limit: CHANNEL_WINDOW,
      spent: 0,
      queue: [],
      begun: 0,
      wasOpen: false,
      closing: false,
      code: 1000,
      closeSent: false,
      again: [],
    }
    this.channels.set(own.number, own)
    this.byKey.set(key, own)
    this.control.push({ channel: own.number, kind: 'open', payload: toHex(Buffer.from(key)) })
    return own
  }

  enqueue(own: Own, data: Data): void {
    const hex = toHex(typeof data === 'string' ? Buffer.from(data) : data)
    const count = Math.max(1, Math.ceil(hex.length / 2 / MAX_PAYLOAD))
    const whole = hex.length / 2 + count * 32
    for (let i = 0; i < count; i++) {
      const last = i === count - 1
      const kind: NumberedKind = !last ? 'fragment' : typeof data === 'string' ? 'text' : 'binary'
      const payload = hex.slice(i * MAX_PAYLOAD * 2, (i + 1) * MAX_PAYLOAD * 2)
      const frame: NumberedFrame = { channel: own.number, kind, payload }
      own.queue.push({ frame, cost: costOf(frame), whole, first: i === 0, last })
    }
  }

  // Closes our channel behind its data.
  close(own: Own, code: number): void {
    own.closing = true
    own.code = code
    if (own.queue.length === 0) this.closeNow(own)
  }

  // Closes our channel without the data that has not gone out. Does nothing where the close has gone out.
  closeNow(own: Own): void {
    if (own.closeSent) return
    own.closeSent = true
    own.queue = []
    this.control.push({ channel: own.number, kind: 'close', payload: closePayload(own.code) })
  }

  closeLink(code: number): void {
    this.control.push({ channel: 0, kind: 'close', payload: closePayload(code) })
  }

  // Refuses a channel of the peer.
  refuse(channel: number): void {
    this.control.push({ channel, kind: 'refuse', payload: '' })
  }

  // The channel has ended for both.
  forget(own: Own): void {
    this.channels.delete(own.number)
    this.byKey.delete(own.key)
  }

  // Undefined where the channel has ended.
  find(number: number): Own | undefined {
    if (number > this.lastChannel) throw new Error('a channel that was never opened')
    return this.channels.get(number)
  }

  acknowledge(next: number): void {
    if (next > this.nextNumber) throw new Error('an acknowledgement of what was never sent')
    const first = this.nextNumber - this.unacknowledged.length
    if (next > first) this.unacknowledged.splice(0, next - first)
  }

  grant(channel: number, total: number): void {
    if (channel === 0) this.limit = Math.max(this.limit, total)
    const own = this.find(channel)
    if (own) own.limit = Math.max(own.limit, total)
  }

  // The first frames on a new transport.
  again(): Frame[] {
    return [
      { kind: 'from', number: this.nextNumber - this.unacknowledged.length },
      ...this.unacknowledged,
    ]
  }

  // The frames that go out for the first time now. They get their numbers by that.
  pump(): NumberedFrame[] {
    const out = this.control.splice(0)
    for (let progress = true; progress;) {
      progress = false
      for (const own of [...this.channels.values()]) {
        if (!this.mayGo(own)) continue
        progress = true
        out.push(this.shift(own), ...this.control.splice(0))
      }
    }
    this.nextNumber += out.length
    for (const frame of out) this.unacknowledged.push(frame)
    return out
  }

  private mayGo(own: Own): boolean {
    const next = own.queue[0]
    if (!next || own.spent + next.cost > own.limit || this.spent + next.cost > this.limit)
      return false
    if (!next.first || next.last) return true
    const unfinished = [next.whole, ...[...this.channels.values()].map(({ begun }) => begun)]
    return sum(unfinished) - Math.max(...unfinished) <= MAX_UNFINISHED
  }

  private shift(own: Own): NumberedFrame {
    const { frame, cost, whole, last } = own.queue.shift()!
    own.spent += cost
    this.spent += cost
    own.begun = last ? 0 : whole
    // It is the turn of the others.
    this.channels.delete(own.number)
    this.channels.set(own.number, own)
    if (own.closing && own.queue.length === 0) this.closeNow(own)
    return frame
  }
}

// Frames in as few records as they need.
export function pack(frames: Frame[]): Uint8Array[] {
  const records: Uint8Array[][] = []
  let size = MAX_RECORD
  for (const bytes of frames.map(encodeFrame)) {
    if (size + bytes.length > MAX_RECORD) {
      records.push([])
      size = 0
    }
    records[records.length - 1]!.push(bytes)
    size += bytes.length
  }
  return records.map((parts) => new Uint8Array(Buffer.concat(parts)))
}
