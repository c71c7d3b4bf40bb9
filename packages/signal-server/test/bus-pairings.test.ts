import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { ServerGroup } from './harness/server-group.js'
import { Talker } from './harness/talker.js'

type Step =
  | { do: 'connect'; from: number; to: number; member: number; talks: boolean }
  | { do: 'send' | 'close' | 'reset'; which: number }
  | { do: 'wait'; milliseconds: number }

const which = fc.nat(20)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('connect' as const),
      from: fc.nat(1),
      to: fc.nat(1),
      member: fc.nat(2),
      talks: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      milliseconds: fc.integer({ min: 1, max: 30 }),
    }),
  },
)

/** One connection of a scenario. */
interface Side {
  name: string
  from: string
  to: string
  talker: Talker
  /** Whether the test ended it. */
  ended: boolean
  sent: number
}

// with a colon, which is an ordinary character in an id
const ids = ['a', 'a:b', 'b'] as const
const rest = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Plays a scenario on a key of its own. */
async function play(group: ServerGroup, key: string, steps: readonly Step[]): Promise<Side[]> {
  const sides: Side[] = []
  for (const step of steps) {
    if (step.do === 'wait') {
      await rest(step.milliseconds)
      continue
    }
    if (step.do === 'connect') {
      const from = ids[step.from]!
      const to = ids[step.from === step.to ? step.to + 1 : step.to]!
      const path = `/connection/${encodeURIComponent(from)}/${encodeURIComponent(to)}/${key}`
      const talker = new Talker(group.members[step.member]!.port, path)
      sides.push({ name: `${key}#${sides.length}`, from, to, talker, ended: false, sent: 0 })
      if (step.talks) say(sides.at(-1)!)
      continue
    }
    const side = sides[step.which % Math.max(1, sides.length)]
    if (!side || side.ended) continue
    if (step.do === 'send') {
      say(side)
      continue
    }
    side.ended = true
    if (step.do === 'close') side.talker.close(4321)
    else side.talker.reset()
  }
  await Promise.all(sides.map(({ talker }) => talker.answered))
  return sides
}

const say = (side: Side) => side.talker.send(`${side.name}:${side.sent++}`)

const isOpen = ({ ended, talker }: Side) =>
  !ended && talker.closeCode === undefined && !talker.socket.destroyed && talker.stray === 0

/** Whoever sent something that a side got. */
const senders = ({ talker }: Side) => [...new Set(talker.texts.map((text) => text.split(':')[0]!))]

const reciprocal = (one: Side, other: Side) => one.from === other.to && one.to === other.from

/** What must hold at any time, of all connections of a scenario. */
function expectNoMixUp(sides: readonly Side[]): void {
  for (const side of sides) {
    expect(side.talker.stray, `${side.name}: bytes that are no frames`).toBe(0)
    const partners = senders(side)
    expect(partners.length, `${side.name} heard ${partners.join(' and ')}`).toBeLessThan(2)
    if (partners.length === 0) continue
    const partner = sides.find(({ name }) => name === partners[0])!
    expect(reciprocal(side, partner), `${side.name} heard ${partner.name}`).toBe(true)
    // all that it sent from the first word on, in order, up to some moment
    const wanted = side.talker.texts.map((_, n) => `${partner.name}:${n}`)
    expect(side.talker.texts).toEqual(wanted)
    const back = senders(partner)
    if (back.length > 0) expect(back).toEqual([side.name])
  }
}

/** What is not as it must be once everything is quiet; undefined where there is nothing. */
function unsettled(sides: readonly Side[]): string | undefined {
  const open = sides.filter(isOpen)
  for (const side of open) {
    const same = open.filter(({ from, to }) => from === side.from && to === side.to)
    if (same.length > 1) return `${same.map(({ name }) => name).join(' and ')} are in one place`
    const partner = open.find((other) => reciprocal(side, other))
    const heard = senders(side)
    if (!partner && heard.length > 0) return `${side.name} was not told that ${heard[0]} is gone`
    if (!partner) continue
    if (side.talker.texts.length < partner.sent) {
      return `${side.name} has ${side.talker.texts.length} of ${partner.sent} from ${partner.name}`
    }
    if (heard.length > 0 && heard[0] !== partner.name) {
      return `${side.name} is piped with ${heard[0]}, not with ${partner.name}`
    }
  }
  return undefined
}

const scenarios = fc.array(fc.array(step, { minLength: 4, maxLength: 16 }), {
  minLength: 25,
  maxLength: 25,
})

describe('connections that look for each other on three servers', () => {
  test(
    'row 42: never have two partners, and are paired within 2 s of quiet, however they interleave',
    { timeout: 60_000 },
    async () => {
      const group = await ServerGroup.start(3)
      let played = 0
      let pairs = 0
      const property = fc.asyncProperty(scenarios, fc.nat(40), async (batch, slowest) => {
        group.bus.delay = () => Math.random() * slowest
        const all = await Promise.all(batch.map((steps) => play(group, `s${played++}`, steps)))
        // a last word of everyone, by which it is seen who is whose partner
        for (const sides of all) for (const side of sides) if (isOpen(side)) say(side)
        const wrong = () => all.flatMap((sides) => unsettled(sides) ?? [])
        await eventually(
          () => wrong().length === 0,
          () => wrong().join('; '),
          2_000 + 10 * slowest,
        )
        for (const sides of all) {
          expectNoMixUp(sides)
          pairs += sides.filter((side) => senders(side).length > 0).length
          for (const { talker } of sides) talker.reset()
        }
        await Promise.all(all.flat().map(({ talker }) => talker.ended))
      })
      await fc.assert(property, {
        numRuns: 30,
        interruptAfterTimeLimit: 12_000,
        markInterruptAsFailure: false,
      })
      expect(played).toBeGreaterThan(100)
      expect(pairs).toBeGreaterThan(100)
      group.bus.delay = () => 0
      await group.expectQuiet()
    },
  )

  test('row 21: the newest of three in one place waits, wherever they are', async () => {
    const group = await ServerGroup.start(3)
    const path = '/connection/alice/bob/k'
    const first = await group.client(0, path)
    await later()
    const second = await group.client(1, path)
    expect((await first.closed).code).toBe(4409)
    await later()
    const third = await group.client(2, path)
    expect((await second.closed).code).toBe(4409)
    const bob = await group.client(0, '/connection/bob/alice/k')
    bob.send('for the newest')
    expect((await third.messages.next()).text).toBe('for the newest')
  })

  test('row 22: one that comes back on another server ends its old pipe, and meets its peer again', async () => {
    const group = await ServerGroup.start(3, { closeTimeout: 200 })
    const alice = await group.v1(0, 'alice', 'k')
    const bob = await group.v1(1, 'bob', 'k')
    for (const peer of [alice, bob]) await peer.next('Introduction')
    const [a, b] = await group.pair([0, 1], 'k')
    await later()
    const back = await group.client(2, '/connection/alice/bob/k')
    expect((await a.closed).code).toBe(4409)
    expect((await b.closed).code).toBe(4410)
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', keys: ['k'], again: true })
    const bobAgain = await group.client(1, '/connection/bob/alice/k')
    bobAgain.send('hello again')
    expect((await back.messages.next()).text).toBe('hello again')
  })

  test('row 22: both are introduced again after an abnormal end', async () => {
    const group = await ServerGroup.start(2)
    const alice = await group.v1(0, 'alice', 'k')
    const bob = await group.v1(1, 'bob', 'k')
    for (const peer of [alice, bob]) await peer.next('Introduction')
    const [a, b] = await group.pair([0, 1], 'k')
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    expect((await alice.next('Introduction')).id).toBe('bob')
    expect((await bob.next('Introduction')).id).toBe('alice')
  })

  test('row 22: a peer is introduced again where its session and its connection are on two servers', async () => {
    const group = await ServerGroup.start(3)
    const alice = await group.v1(0, 'alice', 'k')
    const bob = await group.v1(2, 'bob', 'k')
    for (const peer of [alice, bob]) await peer.next('Introduction')
    const [a, b] = await group.pair([1, 1], 'k')
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    expect((await alice.next('Introduction')).id).toBe('bob')
    expect((await bob.next('Introduction')).id).toBe('alice')
  })

  test('row 20: one that finds nobody in time is told 4408', async () => {
    const group = await ServerGroup.start(2, { holdTimeout: 100 })
    const waits = await group.client(0, '/connection/alice/bob/k')
    expect((await waits.closed).code).toBe(4408)
    await group.expectQuiet()
  })

  test('a partner on this server waits a second at most for one that is promised elsewhere', async () => {
    const group = await ServerGroup.start(2)
    // whichever leads, its decision does not arrive
    group.bus.loses = ({ t }) => t === 'commit'
    const far = await group.client(1, '/connection/bob/alice/k')
    const alice = await group.client(0, '/connection/alice/bob/k')
    await eventually(() => group.bus.count('commit') > 0, 'an agreement')
    await later()
    const near = await group.client(0, '/connection/bob/alice/k')
    near.send('from here')
    const partner = await Promise.race([
      alice.messages.next().then(({ text }) => text),
      alice.closed.then(({ code }) => code),
    ])
    // the leader is on the one or the other; it must not go on alone
    expect(['from here', 4409, 4410]).toContain(partner)
    expect([4409, 4410]).toContain((await far.closed).code)
  })

  test('are paired though the bus is so slow that one agreement takes seconds', async () => {
    const group = await ServerGroup.start(2)
    group.bus.delay = () => 700
    const [a, b] = await Promise.all([
      group.client(0, '/connection/alice/bob/k', ['signal.v1']),
      group.client(1, '/connection/bob/alice/k', ['signal.v1']),
    ])
    for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  })

  test('row 43: are paired though the bus loses every first word', async () => {
    const group = await ServerGroup.start(2)
    let lost = 0
    group.bus.loses = ({ t }) => t === 'hold' && ++lost <= 2
    const [a, b] = await Promise.all([
      group.client(0, '/connection/alice/bob/k', ['signal.v1']),
      group.client(1, '/connection/bob/alice/k', ['signal.v1']),
    ])
    for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  })
})

/** Resolves when the clock has gone on, so that what comes then is newer on every server. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}
