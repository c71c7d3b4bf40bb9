import { PackedMessages, TokenBucket, pieceOverhead, Share, type ByteBudget } from 'signal-server'
import { bytesOfMessage, tokensFor, weight, type Rate } from '../json/rate.js'
import type { Turns } from './turns.js'

// what a client may have sent ahead while it is slowed
const maxWaiting = 1_000
const maxWaitingBytes = 1024 * 1024
// to decode a larger packet takes a millisecond or more, and cannot be divided
const largeBytes = 16 * 1024
// while the memory of the server is short
const maxShortBytes = 64 * 1024

/** What socket.io gets from a connection, undecoded: a text, or an attachment of the text before. */
export type Data = string | Buffer

/** What decodes and carries out the packets of a connection. */
export interface InboxOwner {
  /** Whether the connection is still read. */
  readonly open: boolean
  /** The group of clients that takes turns with others: an address, or one client. */
  readonly group: unknown
  /** Decodes data of a packet, as socket.io does. */
  read(data: Data): void
  /** Resolves when the packet that {@link read} has got last is carried out; never rejects. */
  carriedOut(): Promise<void>
}

/** A packet that is taken out of the queue. */
interface Packet {
  readonly parts: readonly Data[]
  readonly bytes: number
}

/**
 * The packets of one connection of socket.io, carried out one after the other and no faster than
 * the rate allows. A packet waits as the bytes that came, until its attachments are complete and it
 * is its turn, and these bytes count against the budget. Unlike a WebSocket, long polling cannot be
 * left unread, so what waits has a bound instead.
 */
export class Inbox {
  readonly #bucket: TokenBucket
  readonly #share: Share
  readonly #waiting = new PackedMessages()
  /** Complete packets that wait, and the bytes of all that waits. */
  #packets = 0
  #bytes = 0
  /** Bytes of the packet that is carried out. */
  #working = 0
  /** Bytes of the last packet so far, and how many attachments it still lacks. */
  #lastBytes = 0
  #lacking = 0
  #busy = false
  /** Bytes that its packets have made the server send or look at; the next packet pays for them. */
  #owed = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param turns - that all clients share */
  constructor(
    { messagesPerSecond, messagesBurst }: Required<Rate>,
    private readonly maxPacketBytes: number,
    private readonly turns: Turns,
    private readonly budget: ByteBudget,
    private readonly owner: InboxOwner,
  ) {
    this.#bucket = new TokenBucket(messagesPerSecond, messagesBurst)
    this.#share = new Share(budget)
  }

  /**
   * Takes what has come.
   * @returns what is wrong: a packet is larger than it may be, or too much waits already
   */
  push(data: Data): 'bad_message' | 'rate_limited' | undefined {
    if (this.#closed) return undefined
    const binary = typeof data !== 'string'
    const bytes = binary ? data : Buffer.from(data)
    const attached = binary && this.#lacking > 0
    this.#lastBytes = attached ? this.#lastBytes + bytes.length : bytes.length
    const attachments = attachmentsOf(data)
    if (this.#lastBytes > this.maxPacketBytes || attachments === undefined) return 'bad_message'
    this.#bytes += bytes.length
    const most = this.budget.over ? maxShortBytes : maxWaitingBytes
    if (this.#packets >= maxWaiting || this.#bytes > most) return 'rate_limited'
    this.#waiting.push({ data: bytes, binary })
    // a text instead of an attachment ends the connection when it is read
    if (!attached && this.#lacking > 0) this.#packets++
    this.#lacking = attached ? this.#lacking - 1 : attachments
    if (this.#lacking === 0) this.#packets++
    this.#count()
    void this.#run()
    return undefined
  }

  /** Counts bytes that the client has made the server send or look at against its rate. */
  charge(bytes: number): void {
    this.#owed += bytes
  }

  /** Counts so many bytes of memory for the packet that is carried out. */
  working(bytes: number): void {
    this.#working = bytes
    this.#count()
  }

  /** Lets go of all that waits; what comes is thrown away. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
    this.#count()
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    while (this.#packets > 0 && !this.#closed) {
      const packet = this.#shift()
      const wait = this.#bucket.spend(weight(packet.bytes) + tokensFor(this.#owed))
      this.#owed %= bytesOfMessage
      if (wait > 0) await new Promise((resolve) => (this.#timer = setTimeout(resolve, wait)))
      if (this.#closed) return
      const later = this.#packets > 0 || packet.bytes > largeBytes
      await this.turns.run(() => this.#carryOut(packet), this.owner.group, later)
      this.working(0)
    }
    this.#busy = false
  }

  #shift(): Packet {
    this.#packets--
    const parts: Data[] = []
    let bytes = 0
    for (let lacking = 1; lacking > 0; lacking--) {
      const message = this.#waiting.shift()
      if (!message) break
      bytes += message.data.length
      // a view would keep the memory of the whole queue
      const part = message.binary ? Buffer.from(message.data) : message.data.toString()
      if (parts.length === 0) lacking += attachmentsOf(part) ?? 0
      parts.push(part)
    }
    this.#bytes -= bytes
    this.working(bytes + parts.length * pieceOverhead)
    return { parts, bytes }
  }

  async #carryOut({ parts }: Packet): Promise<void> {
    for (const part of parts) if (!this.#closed && this.owner.open) this.owner.read(part)
    // socket.io tells of an event in the next tick, which is in the same turn of the event loop
    await new Promise((resolve) => process.nextTick(resolve))
    if (!this.#closed) await this.owner.carriedOut()
  }

  #count(): void {
    this.#share.set(this.#closed ? 0 : this.#waiting.cost + this.#working)
  }
}

/**
 * How many attachments a packet has: socket.io-protocol, revision 5, "Packet encoding".
 *
 * @returns undefined if the number is not written as encoders write it: socket.io reads `0010`, `1e1`
 * and `0xa` as ten, too
 */
function attachmentsOf(data: Data): number | undefined {
  if (typeof data !== 'string' || !/^[56]/.test(data)) return 0
  const count = /^.([1-9]|10)-/.exec(data)?.[1]
  return count === undefined ? undefined : Number(count)
}
