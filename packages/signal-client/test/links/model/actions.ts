import { Random } from './random.js'

/** Something that happens to the ends of a schedule, at a time in milliseconds. */
export interface Action {
  readonly at: number
  readonly does:
    | {
        type: 'start'
        id: string
        keys: string[]
        isRaw: boolean
        refused?: string
        grace?: number
      }
    /** From now on the server pairs without hellos, as one that does not know links. */
    | { type: 'plainServer' }
    | { type: 'join' | 'leave'; end: number; key: string }
    | { type: 'cut'; pick: number; speed: CutSpeed }
    | { type: 'stall'; pick: number; milliseconds: number }
    | { type: 'cutIntroduction' | 'pause' | 'read'; end: number }
    | { type: 'stop'; end: number; isGraceful: boolean }
    | { type: 'send'; pick: number; size: number; count: number; isText: boolean }
    | { type: 'close'; pick: number }
    /** From now on the app of an end does things while it is told something. */
    | { type: 'meddle'; end: number; chance: number }
    | { type: 'probe'; end: number }
}

/**
 * When the client and the server find out that a socket is cut: soon, late, or the client never
 * (only the server closes it some time).
 */
export type CutSpeed = 'soon' | 'late' | 'mute'

/** For how long there are faults, in milliseconds. */
export const faultTime = 15_000

const allKeys = ['1', '2', '3', '4', '5', '6']

/** Adds actions to a schedule. */
class Writer {
  readonly actions: Action[] = []
  ends = 0

  constructor(readonly random: Random) {}

  at(low: number, high: number, does: Action['does']): void {
    this.actions.push({ at: Math.round(this.random.between(low, high)), does })
  }

  keys(most = 4): string[] {
    const some = allKeys.slice(0, 1 + this.random.below(most)).filter(() => this.random.chance(0.7))
    return some.length > 0 ? some : ['1']
  }

  start(low: number, high: number, id: string, keys = this.keys(), isRaw = false): number {
    this.at(low, high, { type: 'start', id, keys, isRaw })
    return this.ends++
  }

  cuts(count: number, onlySoon = false): void {
    for (let n = 0; n < count; n++) {
      const pick = this.random.next()
      const speed = this.random.pick<CutSpeed>(['soon', 'soon', 'late', 'mute'])
      this.at(0, faultTime, { type: 'cut', pick, speed: onlySoon ? 'soon' : speed })
    }
  }

  stalls(count: number): void {
    for (let n = 0; n < count; n++) {
      const milliseconds = this.random.between(500, 12_000)
      this.at(0, faultTime, { type: 'stall', pick: this.random.next(), milliseconds })
    }
  }

  keyChanges(count: number): void {
    for (let n = 0; n < count; n++) {
      const type = this.random.chance(0.5) ? 'join' : 'leave'
      const end = this.random.below(this.ends)
      this.at(200, faultTime, { type, end, key: this.random.pick(allKeys.slice(0, 4)) })
    }
  }

  talk(count: number): void {
    for (let n = 0; n < count; n++) {
      const isLarge = this.random.chance(0.03)
      const size = isLarge ? 100_000 : 20 + this.random.below(200)
      const isText = this.random.chance(0.5)
      const many = 1 + this.random.below(4)
      this.at(0, faultTime, { type: 'send', pick: this.random.next(), size, count: many, isText })
    }
  }

  closes(count: number): void {
    for (let n = 0; n < count; n++)
      this.at(0, faultTime, { type: 'close', pick: this.random.next() })
  }

  introductionCuts(count: number): void {
    for (let n = 0; n < count; n++) {
      this.at(0, faultTime, { type: 'cutIntroduction', end: this.random.below(this.ends) })
    }
  }
}

/** What happens, by name: each a kind of schedule. */
export const scenarios: Record<string, (writer: Writer) => void> = {
  quiet(writer) {
    two(writer)
    writer.talk(10)
  },
  manyKeys(writer) {
    writer.start(0, 0, 'A', allKeys)
    writer.start(0, 500, 'B', allKeys)
    writer.talk(5)
  },
  cuts(writer) {
    two(writer)
    writer.cuts(10)
    writer.talk(20)
  },
  shortCuts(writer) {
    two(writer)
    writer.cuts(8, true)
    writer.talk(20)
  },
  stalls(writer) {
    two(writer)
    writer.stalls(5)
    writer.cuts(2)
    writer.talk(20)
  },
  keys(writer) {
    two(writer)
    writer.keyChanges(16)
    writer.talk(15)
  },
  keysAndCuts(writer) {
    two(writer)
    writer.keyChanges(16)
    writer.cuts(6)
    writer.closes(3)
    writer.talk(15)
  },
  introductions(writer) {
    two(writer)
    writer.introductionCuts(3)
    writer.cuts(6)
    writer.talk(10)
  },
  reloads(writer) {
    writer.start(0, 0, 'A')
    const keys = writer.keys()
    let last = writer.start(50, 50, 'B', keys)
    for (let n = 1; n < 4; n++) {
      const at = n * 4_000
      writer.at(at, at + 1_500, { type: 'stop', end: last, isGraceful: writer.random.chance(0.5) })
      last = writer.start(at + 1_600, at + 3_900, 'B', keys)
    }
    writer.talk(15)
  },
  tabs(writer) {
    writer.start(0, 0, 'A')
    writer.start(0, 1_000, 'B')
    writer.start(0, 3_000, 'B')
    writer.keyChanges(4)
    writer.cuts(5)
    writer.talk(15)
  },
  tabsClose(writer) {
    writer.start(0, 0, 'A', ['1', '2', '3', '4'])
    writer.start(100, 300, 'B', ['1', '2', '3'])
    const second = writer.start(1_000, 2_000, 'B', ['2', '3', '4'])
    writer.at(5_000, 9_000, { type: 'stop', end: second, isGraceful: writer.random.chance(0.5) })
    writer.talk(15)
  },
  raw(writer) {
    writer.start(0, 0, 'A')
    writer.start(0, 500, 'B', undefined, true)
    writer.start(0, 500, 'C')
    writer.cuts(4)
    writer.talk(10)
  },
  rawTab(writer) {
    writer.start(0, 0, 'A')
    writer.start(0, 500, 'B')
    writer.start(2_000, 5_000, 'B', undefined, true)
    writer.cuts(3)
    writer.talk(10)
  },
  refusals(writer) {
    writer.start(0, 0, 'A', ['1', '2', '3'])
    writer.at(0, 500, { type: 'start', id: 'B', keys: ['1', '2', '3'], isRaw: false, refused: '1' })
    writer.ends++
    writer.cuts(4)
    writer.talk(10)
  },
  plainServer(writer) {
    writer.at(0, 0, { type: 'plainServer' })
    two(writer)
    writer.keyChanges(4)
    writer.cuts(4)
  },
  calmTabs(writer) {
    writer.start(0, 0, 'A', ['1', '2', '3', '4'])
    writer.start(0, 500, 'B')
    writer.start(500, 3_000, 'B')
    for (let n = 0; n < 10; n++) {
      const type = writer.random.chance(0.5) ? 'join' : 'leave'
      const end = 1 + writer.random.below(2)
      writer.at(500, faultTime, { type, end, key: writer.random.pick(allKeys.slice(0, 4)) })
    }
    writer.talk(10)
  },
  lives(writer) {
    for (const id of ['A', 'B']) {
      writer.at(0, 500, { type: 'start', id, keys: writer.keys(), isRaw: false, grace: 300 })
      writer.ends++
    }
    writer.cuts(12)
    writer.stalls(4)
    writer.talk(15)
  },
  healthyProbes(writer) {
    two(writer)
    for (let n = 0; n < 8; n++) writer.at(6_000, faultTime, { type: 'probe', end: n % 2 })
    writer.talk(5)
  },
  readers(writer) {
    two(writer)
    for (let n = 0; n < 3; n++) {
      writer.at(500, faultTime, { type: 'pause', end: writer.random.below(2) })
      writer.at(500, faultTime, { type: 'read', end: writer.random.below(2) })
    }
    for (let n = 0; n < 3; n++) {
      const size = writer.random.pick([40_000, 100_000, 300_000])
      const pick = writer.random.next()
      writer.at(500, faultTime, { type: 'send', pick, size, count: 2, isText: false })
    }
    writer.cuts(3)
    writer.stalls(4)
  },
  callbacks(writer) {
    two(writer)
    for (const end of [0, 1]) writer.at(0, 1_000, { type: 'meddle', end, chance: 0.15 })
    writer.keyChanges(6)
    writer.cuts(4)
    writer.talk(15)
  },
  probes(writer) {
    two(writer)
    for (let n = 0; n < 8; n++) writer.at(500, faultTime, { type: 'probe', end: n % 2 })
    writer.stalls(4)
    writer.cuts(2)
    writer.talk(15)
  },
  three(writer) {
    writer.start(0, 0, 'A')
    writer.start(0, 2_000, 'B')
    writer.start(0, 2_000, 'C')
    writer.keyChanges(8)
    writer.cuts(6)
    writer.introductionCuts(1)
    writer.talk(20)
  },
}

function two(writer: Writer): void {
  writer.start(0, 0, 'A')
  writer.start(0, 500, 'B')
}

/** The schedule of a scenario and a seed. */
export function schedule(scenario: string, seed: number): Action[] {
  const writer = new Writer(new Random(seed))
  scenarios[scenario]!(writer)
  const order = (action: Action) => (action.does.type === 'start' ? 0 : 1)
  // starts keep their order: other actions name ends by it
  return writer.actions
    .map((action, index) => ({ action, index }))
    .sort((a, b) => order(a.action) - order(b.action) || a.index - b.index)
    .map(({ action }) => action)
}

/** What more is expected of some kinds of schedules. */
export const expectations: Record<string, { mostLost?: number; mostDials?: number }> = {
  // both ends dial the same key at once
  quiet: { mostLost: 0 },
  manyKeys: { mostLost: 0, mostDials: 3.2 },
  shortCuts: { mostLost: 0 },
  calmTabs: {},
  healthyProbes: { mostLost: 0, mostDials: 3.5 },
}
