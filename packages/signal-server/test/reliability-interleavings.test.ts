import fc from 'fast-check'
import { expect, test } from 'vitest'
import { within } from './harness/arrivals.js'
import { Stage } from './harness/stage.js'
import { Talker } from './harness/talker.js'

type Step =
  | { do: 'connect'; from: number; to: number; talks: boolean }
  | { do: 'send' | 'close' | 'reset'; which: number }
  | { do: 'let the server work'; turns: number }
  | { do: 'wait for all answers' }

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('connect' as const),
      from: fc.nat(1),
      to: fc.nat(1),
      talks: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'wait for all answers' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), which: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('let the server work' as const),
      turns: fc.integer({ min: 1, max: 6 }),
    }),
  },
)

/** One connection of a scenario. */
interface Side {
  name: string
  from: string
  to: string
  talker: Talker
  /** What the test did to it. */
  fate: 'closed' | 'reset' | undefined
  sent: number
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
// with a colon, which is an ordinary character in an id
const ids = ['a', 'a:b', 'b'] as const

/** Plays a scenario on a key of its own. */
async function play(port: number, key: string, steps: readonly Step[]): Promise<Side[]> {
  const sides: Side[] = []
  for (const step of steps) {
    if (step.do === 'let the server work') {
      for (let i = 0; i < step.turns; i++) await turn()
      continue
    }
    if (step.do === 'wait for all answers') {
      await Promise.all(sides.map(({ talker }) => talker.answered))
      continue
    }
    if (step.do === 'connect') {
      const from = ids[step.from]!
      const to = ids[step.from === step.to ? step.to + 1 : step.to]!
      const path = `/connection/${encodeURIComponent(from)}/${encodeURIComponent(to)}/${key}`
      const talker = new Talker(port, path)
      const name = `${key}#${sides.length}`
      sides.push({ name, from, to, talker, fate: undefined, sent: 0 })
      if (step.talks) say(sides.at(-1)!)
      continue
    }
    const side = sides[step.which % Math.max(1, sides.length)]
    if (!side || side.fate) continue
    if (step.do === 'send') {
      say(side)
    } else if (step.do === 'close') {
      side.fate = 'closed'
      side.talker.close(4321)
    } else {
      side.fate = 'reset'
      side.talker.reset()
    }
  }
  for (const side of sides) {
    side.fate ??= 'closed'
    side.talker.close(4321)
  }
  const ended = Promise.all(sides.map(({ talker }) => talker.ended))
  await within(ended, `the end of all connections of ${key}`)
  return sides
}

function say(side: Side): void {
  side.talker.send(`${side.name} ${side.sent++}`)
}

/** Everybody was told, and nobody got a byte of anybody but its one partner. */
function expectRight(sides: readonly Side[]): void {
  const byName = new Map(sides.map((side) => [side.name, side]))
  const partners = new Map<string, string>()
  for (const { name, from, to, talker, fate } of sides) {
    if (fate !== 'reset') expect([4321, 4409, 4410]).toContain(talker.closeCode)
    expect(talker.stray).toBe(0)
    const senders = new Set(talker.texts.map((text) => text.split(' ')[0]!))
    expect(senders.size).toBeLessThanOrEqual(1)
    const [sender] = senders
    if (sender === undefined) continue
    const partner = byName.get(sender)!
    expect(partner).toMatchObject({ from: to, to: from })
    partners.set(name, sender)
    // the partner's words, from the first one, without a gap
    expect(talker.texts).toEqual(talker.texts.map((_text, n) => `${sender} ${n}`))
  }
  for (const [name, partner] of partners) {
    expect(partners.get(partner) ?? name).toBe(name)
    const others = [...partners].filter(([, other]) => other === partner)
    expect(others).toHaveLength(1)
  }
}

test(
  'row 25: in thousands of random interleavings both are paired or both are told, and no byte reaches a stranger or a later pair',
  { timeout: 180_000 },
  async ({ annotate }) => {
    const stage = await Stage.open()
    const until = performance.now() + 15_000
    let played = 0
    let paired = 0
    let batch = 0
    const scenarios = fc.array(fc.array(step, { minLength: 4, maxLength: 16 }), {
      minLength: 1,
      maxLength: 40,
      size: 'max',
    })
    const isRight = fc.asyncProperty(scenarios, async (all) => {
      const of = ++batch
      const results = await Promise.all(
        all.map((steps, n) => play(stage.port, `${of}-${n}`, steps)),
      )
      for (const sides of results) expectRight(sides)
      played += all.length
      paired = stage.outcomes().paired
    })
    // a busy machine plays fewer in the time
    while (performance.now() < until || played < 1_000) await fc.assert(isRight, { numRuns: 10 })
    await annotate(`${played} interleavings, ${paired} pairs`)
    expect(paired).toBeGreaterThan(played / 10)
    await stage.expectQuiet()
  },
)
