// The channels of one life, and what the table of PROTOCOL.md, 14.8 says about them.

import { Incoming } from './incoming.js'
import { Outgoing } from './outgoing.js'
import type { NumberedFrame } from './decoder.js'
import type { Theirs } from './incoming.js'
import type { Data, Own } from './outgoing.js'

const MAX_WAITING = 4096

// The view of the application. It outlives the life.
export type Seen = {
  messages: { key: string; data: Data }[]
  open: string[]
  closed: string[]
}

export class Life {
  outgoing = new Outgoing()
  incoming = new Incoming()
  closedWith: number | undefined // the peer has closed the link
  private readonly seen: Seen
  private readonly wants: Set<string>

  constructor(seen: Seen, wants: Set<string>) {
    this.seen = seen
    this.wants = wants
    for (const key of wants) this.openOwn(key)
  }

  want(key: string): void {
    this.wants.add(key)
    if (!this.outgoing.byKey.has(key)) this.openOwn(key)
  }

  send(key: string, data: Data): void {
    this.wants.add(key)
    const own = this.outgoing.byKey.get(key) ?? this.openOwn(key)
    if (own.closing) own.again.push(data)
    else this.outgoing.enqueue(own, data)
  }

  close(key: string): void {
    this.wants.delete(key)
    const own = this.outgoing.byKey.get(key)
    if (own?.closing) own.again = []
    else if (own) this.closeOwn(own, 1000)
  }

  // All channels are lost, or end with the link.
  end(): void {
    this.seen.closed.push(...this.seen.open.splice(0))
  }

  // Takes a numbered frame whose turn has come. It throws on a violation.
  take(frame: NumberedFrame): void {
    const { kind, channel, payload } = frame
    if (kind === 'open')
      this.peerOpens(this.incoming.open(channel, Buffer.from(payload, 'hex').toString()))
    else if (kind === 'close' && channel === 0) this.closedWith = parseInt(payload.slice(0, 4), 16)
    else if (kind === 'close') this.peerCloses(this.incoming.find(channel))
    else if (kind === 'refuse') this.peerRefuses(channel)
    else if (kind !== 'control') this.takeData(frame)
  }

  private takeData(frame: NumberedFrame): void {
    const theirs = this.incoming.account(frame)
    if (!theirs) return
    if (theirs.waits) theirs.kept.push(frame)
    else this.deliver(theirs, frame)
  }

  private deliver(theirs: Theirs, frame: NumberedFrame): void {
    const own = this.outgoing.byKey.get(theirs.key)
    if (own && !own.closing && this.incoming.isTooLarge(theirs, frame)) this.closeOwn(own, 1009)
    if (!own || own.closing) return this.incoming.drop(theirs)
    const data = this.incoming.assemble(theirs, frame)
    if (data !== undefined) this.seen.messages.push({ key: theirs.key, data })
  }

  // ---------------------------------------------------------------- channels (14.8)

  private openOwn(key: string): Own {
    const own = this.outgoing.open(key)
    const theirs = this.incoming.byKey.get(key)
    if (theirs) this.isOpen(theirs, own)
    return own
  }

  private closeOwn(own: Own, code: number): void {
    this.outgoing.close(own, code)
    this.notOpen(own.key)
    const theirs = this.incoming.byKey.get(own.key)
    if (theirs) this.incoming.drop(theirs)
  }

  private notOpen(key: string): void {
    const at = this.seen.open.indexOf(key)
    if (at >= 0) this.seen.open.splice(at, 1)
  }

  private isOpen(theirs: Theirs, own: Own): void {
    own.wasOpen = true
    this.seen.open.push(theirs.key)
    for (const frame of this.incoming.unkeep(theirs)) this.deliver(theirs, frame)
  }

  private peerOpens(theirs: Theirs): void {
    const own = this.outgoing.byKey.get(theirs.key)
    if (own && !own.closing) this.isOpen(theirs, own)
    else if (!own && this.wants.has(theirs.key)) this.openOwn(theirs.key)
    else if (!own && this.incoming.waiting() > this.outgoing.channels.size + MAX_WAITING) {
      this.incoming.forget(theirs)
      this.outgoing.refuse(theirs.number)
    }
  }

  private peerCloses(theirs: Theirs | undefined): void {
    if (!theirs) return // it was refused
    this.incoming.forget(theirs)
    const own = this.outgoing.byKey.get(theirs.key)
    if (own) this.answered(own, true)
    else this.outgoing.refuse(theirs.number)
  }

  private peerRefuses(channel: number): void {
    const own = this.outgoing.find(channel)
    if (own) this.answered(own, own.closing)
  }

  // Our channel has ended. If we had closed it, the key may be opened again.
  private answered(own: Own, sendClose: boolean): void {
    if (sendClose) this.outgoing.closeNow(own)
    this.outgoing.forget(own)
    this.notOpen(own.key)
    if (own.wasOpen) this.seen.closed.push(own.key)
    if (!own.closing || !this.wants.has(own.key)) return
    const next = this.openOwn(own.key)
    for (const data of own.again) this.outgoing.enqueue(next, data)
  }
}
