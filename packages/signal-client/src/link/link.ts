import type { Channel, Ending } from './channel.js'
import { Dial, type DialHandler } from './dial.js'
import { Dialling, type DialTarget } from './dialling.js'
import { encodeHello } from './hello.js'
import type { Dialled } from './host.js'
import { Life, type LifeHandler } from './life.js'
import type { Keys, LinkSettings, Memory } from './link-context.js'
import type { Message } from './receiver.js'
import { Timers } from './timers.js'
import { Transports, type TransportsHandler } from './transports.js'
import { judge } from './verdict.js'
import { Violation } from './violation.js'

const idleTime = 5_000
const departedTime = 5_000
// a peer that has left all keys may have said goodbye on a transport that is dead
const aloneTime = 10_000
const unansweredTime = 6_000
const firstRecordTime = 6_000

/** The connection with one session of a peer, over transports that come and go. */
export class Link implements DialHandler, DialTarget, LifeHandler, TransportsHandler {
  #life: Life
  readonly #dialling: Dialling
  readonly #transports: Transports
  readonly #timers: Timers<'grace' | 'idle' | 'departed' | 'unanswered' | 'alone'>
  #isScheduled = false
  #isOver = false
  #lastCode = 0

  constructor(
    readonly id: string,
    readonly session: string,
    private readonly keys: Keys,
    private readonly memory: Memory,
    private readonly settings: LinkSettings,
  ) {
    this.#life = this.#newLife()
    this.#dialling = new Dialling(settings.outside, this, memory.backoff)
    this.#transports = new Transports(settings.outside, this)
    this.#timers = new Timers(settings.outside)
  }

  /** Keys have been introduced. @param again - as a hint that the pipe on them is dead */
  introduced(keys: readonly string[], again: boolean): void {
    this.#timers.stop('departed')
    if (this.#hasMet) for (const key of keys) this.#open(key)
    if (again) this.probe()
    this.update()
  }

  /** Closes a key. */
  closeKey(key: string, ending: Ending): void {
    this.#life.channels.closeKey(key, ending)
    this.update()
  }

  /** Keys belong to another session of this end or of the peer. */
  loseKeys(keys: readonly string[]): void {
    for (const key of keys) {
      this.#dialling.lose(key)
      this.#life.channels.loseKey(key)
    }
    this.update()
  }

  /** The peer has left keys. */
  departed(keys: readonly string[]): void {
    for (const key of keys) this.#life.channels.departed(key)
    // it may be gone, and have said so on a transport that is dead
    if (!this.keys.hasAny()) this.probe()
    this.update()
  }

  /** The network may have changed: asks for a sign of life. */
  probe(): void {
    this.#transports.probe()
  }

  /** State decides: dials, waits, or ends. */
  update(): void {
    if (this.#isOver) return
    const { channels } = this.#life
    if (this.#isIdle) this.#timers.start('idle', idleTime, () => this.#closeIdle())
    else this.#timers.stop('idle')
    if (channels.closing.length > 0 && this.#hasTransport) this.#awaitAnswer()
    if (!this.#hasTransport && !this.keys.hasAny() && this.#hasMet) this.#hasDeparted()
    if (this.#hasTransport && !this.keys.hasAny())
      this.#timers.start('alone', aloneTime, () => this.departed([]))
    if (!this.#hasTransport && !this.#hasMet && this.#hasNoKeys) return this.#lost()
    this.#dialling.update()
    this.#scheduleFlush()
  }

  /** Says goodbye, as a page that is hidden for good does. */
  close(code: number): void {
    this.#sayGoodbye()
    this.#end({ code, reason: '', why: 'stopped' }, code)
  }

  // --- what dials say

  isRaw(dial: Dial): Dialled | undefined {
    this.#dialling.ended(dial)
    const raw = this.keys.isShared(dial.key) ? this.keys.isRaw(dial) : undefined
    this.update()
    return raw
  }

  hasMet(dial: Dial): void {
    this.#life.greet(dial.line)
    // the peer's first record is on its way, unless the socket carries nothing
    this.settings.outside.after(firstRecordTime, () => {
      if (dial.isAttached || !this.#dialling.isPending(dial)) return
      this.#dialling.drop(dial, 4000)
      this.#life.tellAll()
      this.update()
    })
    const verdict = this.#judge(dial)
    if (verdict !== 'first' && verdict !== 'resumed') return
    if (this.#hasTransport) return
    this.#openAll(dial.key)
    this.#scheduleFlush()
  }

  received(dial: Dial, record: Uint8Array): void {
    const wasWrong = this.#transports.heard(dial)
    if (!dial.isAttached && !this.#attach(dial)) return
    if (wasWrong) this.#dialling.giveUp()
    const life = this.#life
    try {
      life.take(dial.line, record)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      if (life === this.#life) this.#violated(error.message)
    }
  }

  hasEnded(dial: Dial, code: number): void {
    this.#dialling.ended(dial)
    this.#life.tellAll()
    if (dial.isAttached) {
      this.#transports.remove(dial)
      if (!this.#hasTransport) this.#isWaiting(code)
    }
    this.update()
  }

  // --- what dialling asks

  get needsTransport(): boolean {
    return !this.#isOver && this.keys.mayDial() && !this.#transports.areGood
  }

  get isServerReachable(): boolean {
    return this.keys.isServerReachable()
  }

  *candidates(): Iterable<string> {
    for (const key of this.keys.shared()) if (!this.keys.isRefused(key)) yield key
  }

  isCandidate(key: string): boolean {
    return this.keys.isShared(key) && !this.keys.isRefused(key)
  }

  dial(key: string): Dial {
    const { outside, own } = this.settings
    const { nonce: life, peer: peerLife, expected: next } = this.#life
    const hello = encodeHello({ session: own, to: this.session, life, peerLife, next })
    const dial = new Dial(key, outside.now(), this)
    dial.transport = outside.dial(this.id, key, hello, dial)
    return dial
  }

  // --- what transports ask and say

  isAcknowledged(): boolean {
    return this.#life.outgoing.isAcknowledged
  }

  hasDoubt(): void {
    this.#life.tellAll()
    if (this.#hasNoKeys && !this.#transports.areGood) {
      this.#transports.close(4000)
      this.#isWaiting(1006)
    }
    this.update()
  }

  // --- what channels ask and say

  isShared(key: string): boolean {
    return this.keys.isShared(key)
  }

  changed(): void {
    if (this.#isIdle) this.#timers.start('idle', idleTime, () => this.#closeIdle())
    this.#scheduleFlush()
  }

  opened(channel: Channel): void {
    this.settings.app.opened(channel)
  }

  message(channel: Channel, { data, cost }: Message): void {
    this.settings.app.message(channel, data, cost)
  }

  closed(channel: Channel, ending: Ending): void {
    this.settings.app.closed(channel, ending)
  }

  failed(channel: Channel, sentence: string): void {
    this.settings.app.failed(channel.id, 'message_too_large', sentence)
  }

  linkClosed(): void {
    this.#end({ code: 1000, reason: '', why: 'left' }, 1000)
    this.#beginAgain()
  }

  // --- lives

  get #hasTransport(): boolean {
    return this.#transports.current !== undefined
  }

  get #hasNoKeys(): boolean {
    const [some] = this.keys.shared()
    return some === undefined
  }

  #newLife(): Life {
    const { outside, maxMessageBytes } = this.settings
    return new Life(this.settings.newNonce(), this.id, this.session, maxMessageBytes, outside, this)
  }

  get #hasMet(): boolean {
    return this.#life.peer !== undefined
  }

  /** This life is over. */
  #end(ending: Ending, code: number): void {
    const life = this.#life
    this.#timers.stopAll()
    this.#dialling.reset()
    this.#transports.close(code)
    life.end()
    this.#life = this.#newLife()
    life.channels.end(ending)
  }

  /** After a life: another one, or none. */
  #beginAgain(): void {
    if (this.#isOver) return
    if (!this.#hasNoKeys) return this.update()
    this.#isOver = true
    this.#end({ code: 1000, reason: '', why: 'closed' }, 1000)
    this.keys.isOver()
  }

  #lost(): void {
    this.#end({ code: 1006, reason: '', why: 'lost' }, 4000)
    this.#beginAgain()
  }

  #violated(sentence: string): void {
    this.keys.hasViolated()
    this.settings.app.failed(this.id, 'bad_link', `The peer has sent ${sentence}.`)
    this.#lost()
  }

  // --- transports

  #judge({ hello }: Dial) {
    const { own } = this.settings
    const { nonce: life, peer, promised } = this.#life
    const { session } = this
    const { highest } = this.memory
    return judge(hello!, { own, session, life, peer, promised, highest })
  }

  /** Judges a dial at the first record of the peer. @returns whether it is a transport now */
  #attach(dial: Dial): boolean {
    const verdict = this.#judge(dial)
    if (verdict === 'stale') {
      this.#dialling.drop(dial, 4000)
      this.#life.tellAll()
      this.update()
      return false
    }
    const { life } = dial.hello!
    this.memory.highest = Math.max(this.memory.highest, life.count)
    if (verdict === 'other') {
      this.#dialling.drop(dial, 4000)
      this.memory.backoff.reset()
      this.#lost()
      return false
    }
    this.#life.peer = life
    this.#transports.add(dial)
    this.#dialling.attached(dial)
    this.#timers.stop('grace', 'departed', 'unanswered')
    this.#life.tellAll()
    this.#openAll(dial.key)
    this.update()
    return true
  }

  /** The last transport has ended. */
  #isWaiting(code: number): void {
    this.#lastCode = code
    this.#timers.stop('unanswered')
    if (!this.#isOver) this.#timers.start('grace', this.settings.grace, () => this.#lost())
  }

  /** The peer has left all keys, and the socket has ended. */
  #hasDeparted(): void {
    if (this.#lastCode === 1000 || this.#lastCode === 1001) this.#left()
    else if (this.#lastCode === 4410) {
      this.#timers.start('departed', departedTime, () => {
        if (!this.keys.hasAny()) this.#left()
      })
    }
  }

  #left(): void {
    this.#end({ code: 1001, reason: '', why: 'left' }, 1000)
    this.#beginAgain()
  }

  // --- channels

  #open(key: string): void {
    if (this.isShared(key)) this.#life.channels.open(key)
  }

  #openAll(pathKey: string): void {
    for (const key of [...this.keys.shared()]) this.#open(key)
    const channel = this.#life.channels.get(pathKey)
    if (channel) this.#life.channels.announce(channel)
  }

  get #isIdle(): boolean {
    return this.#hasNoKeys && !this.#life.channels.isInUse
  }

  #closeIdle(): void {
    if (!this.#isIdle) return
    this.#sayGoodbye()
    this.#end({ code: 1000, reason: '', why: 'closed' }, 1000)
    this.#beginAgain()
  }

  #sayGoodbye(): void {
    this.#life.close()
    this.#flush()
  }

  /** If a `close` is not answered while a transport is there, the app is told that its channel is lost. */
  #awaitAnswer(): void {
    const expected = this.#life.expected
    const base = this.#life.outgoing.base
    this.#timers.start('unanswered', unansweredTime, () => {
      const { channels, outgoing } = this.#life
      const moves = this.#life.expected > expected || outgoing.base > base
      if (channels.closing.length === 0) return
      if (moves) return this.#awaitAnswer()
      channels.giveUpClosing()
      this.probe()
    })
  }

  // --- sending

  #scheduleFlush(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.settings.outside.soon(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const dial = this.#transports.current ?? this.#hopeful()
    if (!dial) return
    this.#life.flush(dial.line)
    if (!dial.isAttached && this.#life.outgoing.next > 0) this.#life.promised = dial.hello!.life
    this.#transports.sent()
  }

  /** A dial that is paired, and will be a transport as soon as a record comes. */
  #hopeful(): Dial | undefined {
    return this.#dialling.pending.findLast((dial) => {
      const verdict = dial.hello && this.#judge(dial)
      return verdict === 'first' || verdict === 'resumed'
    })
  }
}
