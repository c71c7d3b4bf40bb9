import type { Fifo } from '../fifo.js'
import { ByTimeSpent, type Timed } from './by-time-spent.js'

/**
 * Work in small steps of some microseconds. It yields nothing after each step; or a promise, if the
 * next step has to wait for it.
 */
export type Steps = Generator<void | Promise<void>, void, void>

/** Where work comes from. */
export interface Origin {
  /**
   * The group with which it shares its time: what the limits per address count its client as or, where
   * that is not known, the client itself. Work of the server's own has none.
   */
  readonly of?: unknown
  /** Of the message that it has to read. */
  readonly bytes?: number
}

/** A piece of work. */
interface Work extends Timed {
  readonly steps: Steps
  readonly done: () => void
  readonly of: unknown
}

const sliceTime = 5
// what a turn of the event loop costs others can make 2 ms of work per turn very little: a short piece
// must not wait until each of hundreds has had as much as a Join of fifty keys needs
const workLimits = [0.2, 1]
// a Join takes a few milliseconds in a room of hundreds, and several times that while memory is collected
const groupLimits = [0.2, 1, 4, 16]
// to parse a larger message takes longer than a short piece may, and cannot be divided
const longBytes = 16 * 1_024

/** The work of a group, and the time that it has had since it had none. */
class Group implements Timed {
  readonly works = new ByTimeSpent<Work>(workLimits)

  constructor(
    readonly name: unknown,
    public spent: number,
  ) {}
}

/**
 * Runs work in slices of 5 ms per turn of the event loop, so that no request keeps the loop from the
 * others. It shares them among groups of clients: a group that has had little time comes before one
 * that has had much, so that it waits only for the beginnings of others, and the groups that have had
 * most take turns. In the same way a short piece comes before the long ones of its group, of which one goes on
 * after the other, for work that was begun holds what it has found so far.
 */
export class SlicedWork {
  /** Those that have work. */
  readonly #groups = new Map<unknown, Group>()
  #waiting = new ByTimeSpent<Group>(groupLimits)
  #scheduled: NodeJS.Immediate | undefined
  #spent = 0
  #running = false
  #closed = false

  /** Runs the steps, then calls `done`: at once, if this turn of the event loop has time left. */
  run(steps: Steps, done: () => void = () => {}, { of, bytes = 0 }: Origin = {}): void {
    if (this.#closed) return
    this.#push({ steps, done, of, spent: bytes > longBytes ? Infinity : 0 })
    if (!this.#running && this.#spent < sliceTime) this.#slice()
  }

  /** Forgets all work, and takes no more. */
  close(): void {
    this.#closed = true
    this.#groups.clear()
    this.#waiting = new ByTimeSpent(groupLimits)
    clearImmediate(this.#scheduled)
  }

  #push(work: Work): void {
    let group = this.#groups.get(work.of)
    if (!group) {
      group = new Group(work.of, work.spent)
      this.#groups.set(work.of, group)
      this.#waiting.push(group)
    }
    group.spent = Math.max(group.spent, work.spent)
    group.works.push(work)
  }

  #slice(): void {
    const start = performance.now()
    const left = sliceTime - this.#spent
    const end = start + left
    this.#running = true
    try {
      for (let now = start; now < end; now = performance.now()) {
        const gone = (now - start) / left
        const groups = this.#waiting.next(gone)
        if (!groups) break
        this.#visit(groups, gone, now, end)
      }
    } finally {
      this.#running = false
      this.#spent += performance.now() - start
      // what was spent counts until the event loop has come round
      if (!this.#closed) this.#scheduled ??= setImmediate(() => this.#nextTurn())
    }
  }

  #nextTurn(): void {
    this.#scheduled = undefined
    this.#spent = 0
    if (!this.#waiting.empty) this.#slice()
  }

  /** Gives the first one of some groups its time. */
  #visit(groups: Fifo<Group>, gone: number, now: number, end: number): void {
    const group = groups.first!
    const { works } = group
    const queue = works.next(gone)!
    const work = queue.first!
    const time = Math.min(this.#waiting.timeFor(group), works.timeFor(work))
    let more = false
    try {
      more = this.#advance(work, Math.min(end, now + time))
    } finally {
      const spent = performance.now() - now
      works.spend(work, spent)
      this.#waiting.spend(group, spent)
      if (!more) queue.shift()
      else if (works.queueFor(work) !== queue) works.push(queue.shift()!)
      // the next work of its client may have come already
      groups.shift()
      if (works.empty) this.#groups.delete(group.name)
      else if (!this.#closed) this.#waiting.push(group)
    }
  }

  /** @returns whether there is more to do, now */
  #advance(work: Work, end: number): boolean {
    for (;;) {
      const step = work.steps.next()
      if (step.done) {
        work.done()
        return false
      }
      if (step.value instanceof Promise) {
        void step.value.then(() => {
          if (this.#closed) return
          this.#push(work)
          this.#scheduled ??= setImmediate(() => this.#nextTurn())
        })
        return false
      }
      if (performance.now() >= end) return true
    }
  }
}
