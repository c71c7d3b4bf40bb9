import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Client, type Fields } from '../../signal-server/test/harness/client.js'
import { Conversation } from './harness/conversation.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'

const key = 'happy-raccoon'

async function peer({ ws }: Instance, id: string, ...keys: string[]): Promise<Client> {
  const client = await Client.open(`${ws}/introduction/${id}`, ['signal.v1'])
  onTestFinished(() => client.ws.terminate())
  client.send({ type: 'Join', join: keys })
  await client.settled()
  return client
}

/** Conversations between instances: as many for each two of them. */
async function converse(
  instances: readonly Instance[],
  couples: readonly (readonly [number, number])[],
  each: number,
  name: string,
): Promise<Conversation[]> {
  const all = couples.flatMap(([i, j]) =>
    Array.from({ length: each }, (_, n) =>
      Conversation.open([instances[i]!.ws, instances[j]!.ws], `${name}-${i}-${j}-${n}`),
    ),
  )
  const conversations = await Promise.all(all)
  onTestFinished(() => conversations.forEach((conversation) => conversation.close()))
  return conversations
}

/** The messages of a type that a client has got so far. */
const got = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((m) => m.type === type)

const told =
  (client: Client, type: string, id: string, times = 1) =>
  () =>
    got(client, type).filter((message) => message.id === id).length >= times

function expectNothingWrong(conversations: readonly Conversation[]): void {
  expect(conversations.flatMap(({ wrong }) => wrong ?? [])).toEqual([])
}

async function expectCaughtUp(conversations: readonly Conversation[]): Promise<void> {
  for (const conversation of conversations) conversation.hush()
  await eventually(
    () => conversations.every(({ caughtUp }) => caughtUp),
    () =>
      conversations
        .filter(({ caughtUp }) => !caughtUp)
        .map(({ name }) => name)
        .join(', '),
  )
  expectNothingWrong(conversations)
}

describe.runIf(hasEngine)(`three instances on Redis${withoutEngine}`, () => {
  test(
    'row 40: Redis stands still, then dies and comes back: local pairs never notice, the others come again',
    { timeout: 90_000 },
    async () => {
      const engine = await Engine.start()
      const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
      const peers = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          peer(instances[n % 3]!, `peer-${n}`, `room-${n % 20}`),
        ),
      )
      await eventually(
        () => peers.every((client) => got(client, 'Introduction').length >= 2),
        'introductions over all instances',
      )
      const local = await converse(
        instances,
        [
          [0, 0],
          [1, 1],
          [2, 2],
        ],
        10,
        'local',
      )
      const across = await converse(
        instances,
        [
          [0, 1],
          [1, 2],
          [2, 0],
        ],
        20,
        'across',
      )
      for (const conversation of [...local, ...across]) conversation.talk(20, 300)
      expect(await instances[0]!.gauge('remotePipes')).toBe(40)

      engine.freeze()
      const frozenAt = performance.now()
      const holds = await Promise.all(
        [0, 1].map((i) => {
          const [a, b] = i === 0 ? ['w1', 'w2'] : ['w2', 'w1']
          return Client.open(`${instances[i]!.ws}/connection/${a}/${b}/${key}`)
        }),
      )
      const codes = await within(
        Promise.all(across.map(({ ended }) => ended)),
        'the end of pipes across',
        12_000,
      )
      // found out within 3 s, and then given 5 s
      expect(performance.now() - frozenAt).toBeGreaterThan(5_000)
      expect(new Set(codes.flat())).toEqual(new Set([1013]))
      const there = await peer(instances[0]!, 'new', 'room-0')
      await eventually(told(there, 'Introduction', 'peer-0'), 'a local introduction')
      expect(there.ws.readyState).toBe(1)
      expect(local.every(({ open }) => open)).toBe(true)
      for (const instance of instances) {
        const { memory, stats } = await instance.report()
        expect(memory.rss).toBeLessThan(250 * 1024 * 1024)
        expect(stats.bufferedBytes).toBeLessThan(1024 * 1024)
      }
      engine.thaw()
      const thawedAt = performance.now()
      holds[0]!.send('found')
      expect((await holds[1]!.messages.next()).text).toBe('found')
      const again = await converse(
        instances,
        [
          [0, 1],
          [1, 2],
          [2, 0],
        ],
        10,
        'again',
      )
      await eventually(told(peers[1]!, 'Introduction', 'peer-21'), 'all introductions anew')
      await eventually(told(peers[20]!, 'Introduction', 'new'), 'who has come meanwhile')
      expect(performance.now() - thawedAt).toBeLessThan(10_000)

      for (const conversation of again) conversation.talk(20, 300)
      await engine.kill()
      await eventually(async () => !(await instances[0]!.report()).up, 'the bus to be down')
      await peers[3]!.close()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await engine.run()
      const startedAt = performance.now()
      await eventually(told(peers[23]!, 'Departure', 'peer-3'), 'who has left meanwhile')
      const last = await converse(
        instances,
        [
          [0, 1],
          [1, 2],
          [2, 0],
        ],
        10,
        'last',
      )
      expect(performance.now() - startedAt).toBeLessThan(10_000)
      for (const conversation of last) conversation.say()
      await expectCaughtUp([...local, ...last])
      expectNothingWrong([...across, ...again])
      expect(local.every(({ sides }) => sides[0].heard > 200)).toBe(true)
    },
  )

  test(
    'row 41: an instance is killed under 100 pipes: all others are told 4410 and Departures',
    { timeout: 60_000 },
    async () => {
      const engine = await Engine.start()
      const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
      const doomed = await Promise.all(
        Array.from({ length: 20 }, (_, n) => peer(instances[0]!, `doomed-${n}`, key)),
      )
      const kept = await peer(instances[1]!, 'kept', key)
      const alsoKept = await peer(instances[2]!, 'also-kept', key)
      await eventually(() => got(kept, 'Introduction').length >= 21, 'introductions')
      const pipes = await converse(
        instances,
        [
          [0, 1],
          [2, 0],
        ],
        50,
        'doomed',
      )
      const others = await converse(
        instances,
        [
          [1, 2],
          [1, 1],
        ],
        20,
        'kept',
      )
      for (const conversation of [...pipes, ...others]) conversation.talk(30, 100)
      await eventually(() => pipes.every(({ sides }) => sides[0].heard > 5), 'some talk')

      await instances[0]!.kill('SIGKILL')
      const killedAt = performance.now()
      const codes = await within(
        Promise.all(pipes.map(({ ended }) => ended)),
        'the end of pipes to the instance that was killed',
        15_000,
      )
      expect(performance.now() - killedAt).toBeLessThan(15_000)
      const remote = codes.map(([one, two], n) => (n < 50 ? two : one))
      expect(new Set(remote)).toEqual(new Set([4410]))
      for (const client of [kept, alsoKept]) {
        for (let n = 0; n < doomed.length; n++) {
          await eventually(told(client, 'Departure', `doomed-${n}`), `the Departure of ${n}`)
        }
      }
      // nobody is introduced to a ghost
      const fresh = await peer(instances[1]!, 'fresh', key)
      await eventually(() => got(fresh, 'Introduction').length >= 2, 'introductions')
      expect(new Set(got(fresh, 'Introduction').map(({ id }) => id))).toEqual(
        new Set(['kept', 'also-kept']),
      )
      await expectCaughtUp(others)
      expectNothingWrong(pipes)
      for (const instance of instances.slice(1)) {
        await eventually(async () => (await instance.gauge('remotePipes')) === 20, 'no ghost pipes')
      }
    },
  )

  test(
    'row 41: an instance stands still and goes on: it is gone, and then there again',
    { timeout: 60_000 },
    async () => {
      const engine = await Engine.start()
      const instances = await Promise.all([0, 1].map(() => Instance.start(engine.url)))
      const frozen = await peer(instances[0]!, 'frozen', key)
      const kept = await peer(instances[1]!, 'kept', key)
      await eventually(told(frozen, 'Introduction', 'kept'), 'an introduction')
      const pipes = await converse(instances, [[0, 1]], 10, 'across')
      const local = await converse(instances, [[0, 0]], 3, 'local')
      for (const conversation of pipes) conversation.talk(20)
      await instances[0]!.kill('SIGSTOP')
      await eventually(told(kept, 'Departure', 'frozen'), 'the Departure', 15_000)
      await eventually(() => pipes.every(({ sides }) => sides[1].code === 4410), '4410', 5_000)
      await peer(instances[1]!, 'fresh', key)
      await instances[0]!.kill('SIGCONT')
      const since = performance.now()
      await eventually(told(kept, 'Introduction', 'frozen', 2), 'its return')
      await eventually(told(frozen, 'Introduction', 'fresh'), 'who has come meanwhile')
      await Promise.all(pipes.map(({ ended }) => ended))
      const again = await converse(instances, [[0, 1]], 10, 'again')
      expect(performance.now() - since).toBeLessThan(10_000)
      for (const conversation of [...again, ...local]) conversation.say()
      await expectCaughtUp([...again, ...local])
      expectNothingWrong(pipes)
    },
  )

  test('row 37: an instance drains: its peers depart at once, its pipes end with 1012', async () => {
    const engine = await Engine.start()
    const options = { drainTime: 300, closeTime: 300 }
    const instances = await Promise.all([0, 1].map(() => Instance.start(engine.url, options)))
    await peer(instances[0]!, 'leaving', key)
    const kept = await peer(instances[1]!, 'kept', key)
    await eventually(told(kept, 'Introduction', 'leaving'), 'an introduction')
    const pipes = await converse(instances, [[0, 1]], 5, 'across')
    const since = performance.now()
    const ended = instances[0]!.kill('SIGTERM')
    await eventually(told(kept, 'Departure', 'leaving'), 'a Departure')
    expect(performance.now() - since).toBeLessThan(2_000)
    const codes = await Promise.all(pipes.map(({ ended }) => ended))
    expect(new Set(codes.flat())).toEqual(new Set([1012]))
    expect(await ended).toBe(0)
  })
})
