import { describe, expect, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { ServerProcess } from '../../signal-server/test/harness/server-process.js'
import type { Conversation } from './harness/conversation.js'
import {
  converse,
  expectCaughtUp,
  expectNothingWrong,
  withEachOther,
  withThemselves,
} from './harness/conversations.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'
import { got, peer, told } from './harness/peers.js'

const key = 'happy-raccoon'
/** How long Redis is gone, in milliseconds. */
const outage = process.env.LONG_TESTS ? 20_000 : 3_000

const slowest = (conversations: readonly Conversation[]) =>
  Math.round(Math.max(...conversations.map((conversation) => conversation.slowest)))

/** Three instances, with peers in rooms that each have one on every instance. */
async function populated() {
  const engine = await Engine.start()
  const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
  const peers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => peer(instances[n % 3]!, `peer-${n}`, `room-${n % 20}`)),
  )
  await eventually(
    () => peers.every((client) => got(client, 'Introduction').length >= 2),
    'introductions over all instances',
  )
  return { engine, instances, peers }
}

describe.runIf(hasEngine)(`three instances on Redis${withoutEngine}`, () => {
  test(
    'row 40: Redis stands still and goes on: local pairs never notice, the others come again',
    { timeout: 90_000 },
    async () => {
      const { engine, instances, peers } = await populated()
      const local = await converse(instances, withThemselves, 10, 'local')
      const remote = await converse(instances, withEachOther, 20, 'remote')
      for (const conversation of [...local, ...remote]) conversation.talk(20, 300)
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
        Promise.all(remote.map(({ ended }) => ended)),
        'the end of pipes between instances',
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
      const again = await converse(instances, withEachOther, 10, 'again')
      await eventually(told(there, 'Introduction', 'peer-40'), 'who was there before')
      await eventually(told(peers[20]!, 'Introduction', 'new'), 'who has come meanwhile')
      expect(performance.now() - thawedAt).toBeLessThan(10_000)

      for (const conversation of again) conversation.say()
      await expectCaughtUp([...local, ...again])
      expectNothingWrong(remote)
    },
  )

  test(
    `row 40: Redis is gone for ${outage / 1_000} s: local pairs never notice, everything comes again`,
    { timeout: outage + 60_000 },
    async ({ annotate }) => {
      const { engine, instances, peers } = await populated()
      // what the machine delays, it delays there as well
      const plain = await converse([await ServerProcess.start()], [[0, 0]], 10, 'plain')
      const local = await converse(instances, withThemselves, 10, 'local')
      const remote = await converse(instances, withEachOther, 34, 'remote')
      for (const conversation of [...plain, ...local, ...remote]) conversation.talk(50, 300)
      await eventually(() => local.every(({ sides }) => sides[0].heard > 20), 'some talk')

      for (const conversation of [...plain, ...local]) conversation.slowest = 0
      await engine.kill()
      await eventually(async () => !(await instances[0]!.report()).up, 'the bus to be down')
      const [one, two] = await Promise.all([
        Client.open(`${instances[0]!.ws}/connection/w1/w2/${key}`),
        Client.open(`${instances[1]!.ws}/connection/w2/w1/${key}`),
      ])
      await peers[3]!.close()
      const there = await peer(instances[0]!, 'new', 'room-0')
      await eventually(told(there, 'Introduction', 'peer-0'), 'a local introduction')
      await new Promise((resolve) => setTimeout(resolve, outage))
      const [during, without] = [slowest(local), slowest(plain)]
      await engine.run()
      const startedAt = performance.now()

      one.send('found')
      const [{ text }, last] = await Promise.all([
        two.messages.next('what waited'),
        converse(instances, withEachOther, 34, 'last'),
        eventually(told(peers[23]!, 'Departure', 'peer-3'), 'who has left meanwhile'),
        eventually(told(peers[20]!, 'Introduction', 'new'), 'who has come meanwhile'),
        eventually(told(there, 'Introduction', 'peer-40'), 'who was there before'),
      ])
      const took = performance.now() - startedAt
      for (const conversation of remote) conversation.hush()
      await eventually(
        () => remote.every(({ caughtUp, over }) => caughtUp || over),
        'no silent loss',
      )
      const ended = remote.filter(({ over }) => over)
      await annotate(
        `all works ${(took / 1_000).toFixed(1)} s after the start; ${ended.length} of ` +
          `${remote.length} pipes between instances had ended; the slowest message of a local pipe ` +
          `took ${during} ms during the outage, and ${without} ms on a server without a bus`,
      )
      expect(text).toBe('found')
      expect(took).toBeLessThan(10_000)
      if (outage > 6_000) expect(ended.length).toBe(remote.length)
      const codes = ended.flatMap(({ sides }) => sides.map(({ code }) => code))
      expect([1013, 4410]).toEqual(expect.arrayContaining([...new Set(codes)]))
      // a wait for the bus would be one of seconds
      expect(during).toBeLessThan(without + 1_000)
      const departures = peers.flatMap((client) => got(client, 'Departure'))
      expect(new Set(departures.map(({ id }) => id))).toEqual(new Set(['peer-3']))
      for (const conversation of last) conversation.say()
      await expectCaughtUp([...plain, ...local, ...last])
      expectNothingWrong(remote)
    },
  )
})
