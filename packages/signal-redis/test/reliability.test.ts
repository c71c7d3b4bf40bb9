import { describe, expect, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { converse, expectCaughtUp, expectNothingWrong } from './harness/conversations.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'
import { got, peer, told } from './harness/peers.js'

const key = 'happy-raccoon'

describe.runIf(hasEngine)(`three instances on Redis${withoutEngine}`, () => {
  test(
    'row 41: an instance is killed under 100 pipes: all others are told 4410 and Departures',
    { timeout: 60_000 },
    async ({ annotate }) => {
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
      const remote = codes.map(([one, two], n) => (n < 50 ? two : one))
      expect(new Set(remote)).toEqual(new Set([4410]))
      for (const client of [kept, alsoKept]) {
        for (let n = 0; n < doomed.length; n++) {
          await eventually(told(client, 'Departure', `doomed-${n}`), `the Departure of ${n}`)
        }
      }
      const after = (at: number) => Number(((at - killedAt) / 1_000).toFixed(1))
      const times = pipes.map(({ sides }, n) => after(sides[n < 50 ? 1 : 0].closedAt))
      const allTold = after(performance.now())
      await annotate(
        `100 pipes: told ${Math.min(...times)} to ${Math.max(...times)} s after the kill; ` +
          `all Departures within ${allTold} s`,
      )
      expect(allTold).toBeLessThan(15)
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
      const pipes = await converse(instances, [[0, 1]], 10, 'remote')
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
    const options = { drainTimeout: 300, closeTimeout: 300 }
    const instances = await Promise.all([0, 1].map(() => Instance.start(engine.url, options)))
    await peer(instances[0]!, 'leaving', key)
    const kept = await peer(instances[1]!, 'kept', key)
    await eventually(told(kept, 'Introduction', 'leaving'), 'an introduction')
    const pipes = await converse(instances, [[0, 1]], 5, 'remote')
    const since = performance.now()
    const ended = instances[0]!.kill('SIGTERM')
    await eventually(told(kept, 'Departure', 'leaving'), 'a Departure')
    expect(performance.now() - since).toBeLessThan(2_000)
    const codes = await Promise.all(pipes.map(({ ended }) => ended))
    expect(new Set(codes.flat())).toEqual(new Set([1012]))
    expect(await ended).toBe(0)
  })
})
