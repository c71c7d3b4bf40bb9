// A minimal end of one link (PROTOCOL.md, 14): one transport at a time, and no timers.

import { decodeHello, decodeRecord, encodeHello } from './decoder.js'
import { Life } from './life.js'
import { countOf, judge, lifeAfter } from './lives.js'
import { pack } from './outgoing.js'
import type { Frame, Hello } from './decoder.js'
import type { Known } from './lives.js'
import type { Data } from './outgoing.js'

type Transport = {
  hello: Hello
  joined: boolean // a verdict has made it a transport of the life
  begun: boolean // our `from` has gone out
  counter: number | undefined // the number of the next numbered frame that comes
}

const SILENCE = 4000

export class MinimalEnd {
  messages: { key: string; data: Data }[] = []
  open: string[] = []
  closed: string[] = []
  isOver = false
  verdicts: string[] = []
  shut: number | undefined // the code with which the socket is to be closed now, if it is
  trouble: Error | undefined // what was wrong with the link
  private readonly known: Known
  private readonly wants: Set<string>
  private transport: Transport | undefined
  private channels: Life
  private replies: Frame[] = []
  private ackDue: 'no' | 'changes' | 'all' = 'no'
  private now = 0
  private lastSign = 0

  constructor(session: string, peerSession: string, life: string, wants: string[]) {
    this.known = { session, peerSession, life, peerLife: undefined, peerCount: 0 }
    this.wants = new Set(wants)
    this.channels = new Life(this, this.wants)
  }

  get unacknowledged(): number {
    return this.channels.outgoing.unacknowledged.length
  }

  hello(): string {
    const { session, peerSession: to, life, peerLife } = this.known
    return encodeHello({ session, to, life, peerLife, next: this.channels.incoming.expected })
  }

  paired(peerHello: string): Uint8Array[] {
    if (this.isOver) return []
    const hello = decodeHello(peerHello)
    this.replies = []
    this.shut = hello ? undefined : 4000
    this.transport = hello && { hello, joined: false, begun: false, counter: undefined }
    this.ackDue = 'all'
    return this.flush()
  }

  received(record: Uint8Array): Uint8Array[] {
    const transport = this.transport
    if (this.isOver || !transport) return []
    this.lastSign = this.now
    if (!transport.joined && !this.join(transport)) return []
    return this.attempt(() => {
      for (const frame of decodeRecord(record)) if (!this.isOver) this.take(frame, transport)
    })
  }

  ended(): void {
    this.transport = undefined
    this.replies = []
  }

  // From now on the key is wanted. (`send` does this too.)
  want(key: string): Uint8Array[] {
    return this.attempt(() => this.channels.want(key))
  }

  send(key: string, data: Data): Uint8Array[] {
    return this.attempt(() => this.channels.send(key, data))
  }

  close(key: string): Uint8Array[] {
    return this.attempt(() => this.channels.close(key))
  }

  closeLink(): Uint8Array[] {
    if (this.isOver) return []
    this.channels.outgoing.closeLink(1000)
    const records = this.flush()
    this.end(1000)
    return records
  }

  // Asks for a sign of life where something is not acknowledged. `now` is in milliseconds.
  tick(now: number): Uint8Array[] {
    this.now = now
    if (!this.transport?.joined || this.unacknowledged === 0 || now - this.lastSign < SILENCE)
      return []
    this.lastSign = now
    this.replies.push({ kind: 'ping' })
    return this.flush()
  }

  // Does it, and gives what goes out then. What is thrown is a violation by the peer (14.13).
  private attempt(work: () => void): Uint8Array[] {
    if (this.isOver) return []
    try {
      work()
      return this.flush()
    } catch (error) {
      this.trouble = error as Error
      this.verdicts.push('bad_link')
      this.end(4000)
      return []
    }
  }

  private flush(): Uint8Array[] {
    const transport = this.transport
    if (!transport) return []
    const isDue = this.ackDue !== 'no' || this.channels.incoming.hasRisen
    const acks = !isDue ? [] : this.channels.incoming.acks(this.ackDue === 'all')
    this.ackDue = 'no'
    const frames = [...acks, ...this.replies.splice(0)]
    if (!transport.joined) return pack(frames)
    const again = transport.begun ? [] : this.channels.outgoing.again()
    transport.begun = true
    return pack([...frames, ...again, ...this.channels.outgoing.pump()])
  }

  // ---------------------------------------------------------------- lives (14.9)

  private join(transport: Transport): boolean {
    const { known } = this
    const { life } = transport.hello
    const verdict = judge(known, transport.hello)
    this.verdicts.push(verdict)
    if (verdict === 'first' || verdict === 'resumed') {
      known.peerLife = life
      known.peerCount = countOf(life)
      this.ackDue = 'all'
      transport.joined = true
      return true
    }
    if (verdict === 'other') {
      known.peerCount = countOf(life)
      this.beginAnotherLife()
    }
    this.ended()
    this.shut = 4000
    return false
  }

  private beginAnotherLife(): void {
    this.known.life = lifeAfter(this.known.life)
    this.known.peerLife = undefined
    this.channels.end()
    this.channels = new Life(this, this.wants)
  }

  private end(code: number): void {
    this.isOver = true
    this.channels.end()
    this.ended()
    this.shut = code
  }

  // ---------------------------------------------------------------- frames

  private take(frame: Frame, transport: Transport): void {
    if (frame.kind === 'from') transport.counter = frame.number
    else if (frame.kind === 'ping') this.replies.push({ kind: 'pong' })
    else if (frame.kind === 'ack') {
      this.channels.outgoing.acknowledge(frame.next)
      for (const [channel, total] of frame.totals) this.channels.outgoing.grant(channel, total)
    } else if ('channel' in frame) {
      if (transport.counter === undefined) throw new Error('a numbered frame before `from`')
      if (this.ackDue === 'no') this.ackDue = 'changes'
      for (const next of this.channels.incoming.inOrder(transport.counter++, frame)) {
        this.channels.take(next)
        if (this.channels.closedWith !== undefined) return this.end(this.channels.closedWith)
      }
    }
  }
}
