import type { Dial } from './dial.js'
import { notice, Notice } from './frames.js'
import type { Outside } from './host.js'
import { recordOf } from './life.js'
import { Liveness, type Watched } from './liveness.js'

const surplusTime = 4_000

/** What transports ask of their link, and tell it. */
export interface TransportsHandler {
  /** Whether the peer has acknowledged everything. */
  isAcknowledged(): boolean
  /** The transport in use seems to carry nothing; an older one is in use now, if there is one. */
  hasDoubt(): void
}

/** The transports of a link. What is sent goes over the one that has joined last. */
export class Transports implements Watched {
  #all: Dial[] = []
  readonly #liveness: Liveness
  /** Nothing comes on the transport in use, which was asked for a sign of life. */
  #isDoubted = false
  #stopSurplus: (() => void) | undefined

  constructor(
    private readonly outside: Outside,
    private readonly handler: TransportsHandler,
  ) {
    this.#liveness = new Liveness(outside, this)
  }

  /** The one in use. */
  get current(): Dial | undefined {
    return this.#all.at(-1)
  }

  /** Whether there is one that is not in doubt. */
  get areGood(): boolean {
    return this.#all.length > 0 && !this.#isDoubted
  }

  add(dial: Dial): void {
    dial.isAttached = true
    this.#all.push(dial)
    this.#isDoubted = false
    this.#liveness.stop()
    this.#dropSilent()
  }

  /** One has ended. */
  remove(dial: Dial): void {
    this.#all = this.#all.filter((other) => other !== dial)
    this.#isDoubted = false
    this.#liveness.stop()
    // an older one that is left may be dead
    if (this.#all.length > 0) this.#liveness.ask()
  }

  /** Closes all. */
  close(code: number): void {
    const all = this.#all
    this.#all = []
    this.#isDoubted = false
    this.#liveness.stop()
    this.#stopSurplus?.()
    this.#stopSurplus = undefined
    for (const dial of all) dial.close(code)
  }

  /** Something has come. @returns whether a doubt was wrong */
  heard(dial: Dial): boolean {
    dial.heardAt = this.outside.now()
    if (dial !== this.current || !this.#isDoubted) return false
    this.#isDoubted = false
    this.#liveness.wasWrong()
    return true
  }

  /** Something has been sent. */
  sent(): void {
    if (this.waits) this.#liveness.sent()
  }

  /** Asks for a sign of life. */
  probe(): void {
    if (this.#all.length > 0) this.#liveness.ask()
  }

  // --- what liveness asks

  get waits(): boolean {
    return this.#all.length > 0 && !this.handler.isAcknowledged()
  }

  get heardAt(): number {
    return this.current?.heardAt ?? -Infinity
  }

  ping(): void {
    this.current?.line.send(recordOf(notice(Notice.ping)))
  }

  doubt(): void {
    const silent = this.current
    if (silent && this.#all.length > 1) {
      // the peer may use an older one all the time
      silent.close(4000)
      this.remove(silent)
    } else this.#isDoubted = true
    this.handler.hasDoubt()
  }

  /** One transport suffices: older ones on which nothing comes any more are closed. */
  #dropSilent(): void {
    if (this.#all.length < 2) return
    const since = this.outside.now()
    this.#stopSurplus ??= this.outside.after(surplusTime, () => {
      this.#stopSurplus = undefined
      const silent = this.#all.slice(0, -1).filter(({ heardAt }) => heardAt <= since)
      for (const dial of silent) dial.close(4000)
      this.#all = this.#all.filter((dial) => !silent.includes(dial))
      this.#dropSilent()
    })
  }
}
