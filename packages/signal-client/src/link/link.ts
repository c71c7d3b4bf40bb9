import type { Backoff } from './backoff.js'
import type { Channel, Ending } from './channel.js'
import { Dial, type DialHandler } from './dial.js'
import { Dialling, type DialTarget } from './dialling.js'
import { notice, Notice } from './frames.js'
import { encodeHello, type LifeNonce } from './hello.js'
import type { App, Dialled, Outside } from './host.js'
import { Life, recordOf, type LifeHandler } from './life.js'
import { Liveness, type Watched } from './liveness.js'
import type { Message } from './receiver.js'
import { judge } from './verdict.js'
import { Violation } from './violation.js'

const idleTime = 5_000
const departedTime = 5_000
const unansweredTime = 6_000
const firstRecordTime = 6_000
const surplusTime = 4_000

/** What is the same for all links of a client. */
export interface LinkSettings {
  readonly outside: Outside
  readonly app: App
  /** The session of this end. */
  readonly own: string
  /** For how long the app is told nothing when a link has lost its transport, in milliseconds. */
  readonly grace: number
  readonly maxMessageBytes: number
  newNonce(): LifeNonce
}

/** What a link needs to know of its peer's keys. */
export interface Keys {
  /** Whether a key is wanted here, belongs to the peer's session, and has no raw pipe. */
  isShared(key: string): boolean
  shared(): Iterable<string>
  /** Whether the peer's session has a key that was introduced, wanted here or not. */
  hasAny(): boolean
  isRefused(key: string): boolean
  /** Whether the peer may be dialled: it has broken no rule of late. */
  mayDial(): boolean
  isServerReachable(): boolean
  /** A pairing on this key is a raw pipe. */
  isRaw(dial: Dial): Dialled
  hasViolated(sentence: string): void
  /** Nothing is left of the link. */
  isOver(link: Link): void
}

/** What stays of a session of a peer from one life to the next. */
export interface Memory {
  readonly backoff: Backoff
  /** The highest count of a life that was heard of. */
  highest: number
}

type TimerName = 'grace' | 'idle' | 'departed' | 'unanswered' | 'surplus'

/** The connection with one session of a peer, over transports that come and go. */
export class Link implements DialHandler, DialTarget, LifeHandler, Watched {
  #life: Life
  #attached: Dial[] = []
  readonly #dialling: Dialling
  readonly #liveness: Liveness
  /** Nothing comes on the transport in use, which was asked for a sign of life. */
  #isDoubted = false
  #isScheduled = false
  #isOver = false
  #lastCode = 0
  readonly #stops = new Map<TimerName, () => void>()

  constructor(
    readonly id: string,
    readonly session: string,
    private readonly keys: Keys,
    private readonly memory: Memory,
    private readonly settings: LinkSettings,
  ) {
    this.#life = this.#newLife()
    this.#dialling = new Dialling(settings.outside, this, memory.backoff)
    this.#liveness = new Liveness(settings.outside, this)
  }

  /** Keys have been introduced. @param again - as a hint that the pipe on them is dead */
  introduced(keys: readonly string[], again: boolean): void {
    this.#stop('departed')
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
  departed(): void {
    // it may be gone, and have said so on a transport that is dead
    if (!this.keys.hasAny()) this.probe()
    this.update()
  }

  /** The network may have changed: asks for a sign of life. */
  probe(): void {
    if (this.#attached.length > 0) this.#liveness.ask()
  }

  /** State decides: dials, waits, or ends. */
  update(): void {
    if (this.#isOver) return
    const { channels } = this.#life
    if (this.#isIdle) this.#start('idle', idleTime, () => this.#closeIdle())
    else this.#stop('idle')
    if (channels.closing.length > 0 && this.#attached.length > 0) this.#awaitAnswer()
    if (this.#attached.length === 0 && !this.keys.hasAny() && this.#hasMet) this.#hasDeparted()
    if (this.#attached.length === 0 && !this.#hasMet && this.#hasNoKeys) return this.#lost()
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
    if (this.#attached.length > 0) return
    this.#openAll(dial.key)
    this.#scheduleFlush()
  }

  received(dial: Dial, record: Uint8Array): void {
    dial.heardAt = this.settings.outside.now()
    if (!dial.isAttached && !this.#attach(dial)) return
    if (dial === this.#attached.at(-1) && this.#isDoubted) {
      this.#isDoubted = false
      this.#liveness.wasWrong()
      this.#dialling.giveUp()
    }
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
    if (dial.isAttached) this.#detach(dial, code)
    this.update()
  }

  // --- what dialling asks

  get needsTransport(): boolean {
    if (this.#isOver || !this.keys.mayDial()) return false
    return this.#attached.length === 0 || this.#isDoubted
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

  // --- what liveness asks

  get waits(): boolean {
    return this.#attached.length > 0 && !this.#life.outgoing.isAcknowledged
  }

  get heardAt(): number {
    return this.#attached.at(-1)?.heardAt ?? -Infinity
  }

  ping(): void {
    this.#attached.at(-1)?.line.send(recordOf(notice(Notice.ping)))
  }

  doubt(): void {
    if (this.#hasNoKeys) {
      for (const dial of this.#attached) {
        dial.close(4000)
        this.#detach(dial, 1006)
      }
    } else this.#isDoubted = true
    this.update()
  }

  // --- what channels ask and say

  isShared(key: string): boolean {
    return this.keys.isShared(key)
  }

  changed(): void {
    if (this.#isIdle) this.#start('idle', idleTime, () => this.#closeIdle())
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
    const attached = this.#attached
    this.#attached = []
    this.#isDoubted = false
    this.#liveness.stop()
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
    this.#dialling.reset()
    for (const dial of attached) dial.close(code)
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
    this.keys.isOver(this)
  }

  #lost(): void {
    this.#end({ code: 1006, reason: '', why: 'lost' }, 4000)
    this.#beginAgain()
  }

  #violated(sentence: string): void {
    this.keys.hasViolated(sentence)
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
    this.#isDoubted = false
    dial.isAttached = true
    this.#attached.push(dial)
    this.#dialling.attached(dial)
    this.#liveness.stop()
    this.#stop('grace')
    this.#stop('departed')
    this.#stop('unanswered')
    this.#life.tellAll()
    this.#dropSilent()
    this.#openAll(dial.key)
    this.update()
    return true
  }

  /** One transport suffices: older ones on which nothing comes any more are closed. */
  #dropSilent(): void {
    if (this.#attached.length < 2) return
    const since = this.settings.outside.now()
    this.#start('surplus', surplusTime, () => {
      const silent = this.#attached.slice(0, -1).filter(({ heardAt }) => heardAt <= since)
      for (const dial of silent) dial.close(4000)
      this.#attached = this.#attached.filter((dial) => !silent.includes(dial))
      this.#dropSilent()
    })
  }

  #detach(dial: Dial, code: number): void {
    this.#attached = this.#attached.filter((other) => other !== dial)
    this.#isDoubted = false
    this.#lastCode = code
    this.#liveness.stop()
    // an older one that is left may be dead
    if (this.#attached.length > 0) return this.#liveness.ask()
    this.#stop('unanswered')
    this.#start('grace', this.settings.grace, () => this.#lost())
  }

  /** The peer has left all keys, and the socket has ended. */
  #hasDeparted(): void {
    if (this.#lastCode === 1000 || this.#lastCode === 1001) this.#left()
    else if (this.#lastCode === 4410) {
      this.#start('departed', departedTime, () => {
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

  /** A `close` that is not answered while a transport works is taken as answered. */
  #awaitAnswer(): void {
    const expected = this.#life.expected
    const base = this.#life.outgoing.base
    this.#start('unanswered', unansweredTime, () => {
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
    const dial = this.#attached.at(-1) ?? this.#hopeful()
    if (!dial) return
    this.#life.flush(dial.line)
    if (!dial.isAttached && this.#life.outgoing.next > 0) this.#life.promised = dial.hello!.life
    if (this.waits) this.#liveness.sent()
  }

  /** A dial that is paired, and will be a transport as soon as a record comes. */
  #hopeful(): Dial | undefined {
    return this.#dialling.pending.findLast((dial) => {
      const verdict = dial.hello && this.#judge(dial)
      return verdict === 'first' || verdict === 'resumed'
    })
  }

  // --- timers

  #start(name: TimerName, time: number, run: () => void): void {
    if (this.#stops.has(name) || this.#isOver) return
    const stop = this.settings.outside.after(time, () => {
      this.#stops.delete(name)
      run()
    })
    this.#stops.set(name, stop)
  }

  #stop(name: TimerName): void {
    this.#stops.get(name)?.()
    this.#stops.delete(name)
  }
}
