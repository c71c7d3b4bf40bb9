import { describe, expect, test } from 'vitest'
import { expectAgreement, known } from '../../signal-server/test/harness/agreement.js'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import type { Client } from '../../signal-server/test/harness/client.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'
import { got, peer } from './harness/peers.js'

const announce = (client: Client, info: string) => client.send({ type: 'Announce', info })

/** Resolves when the clock has gone on, so that what comes then is newer on every instance. */
async function later() {
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
}

/** A peer with sessions on two of three instances, which share a key, and other peers of it. */
async function populated(engine: Engine) {
  const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
  const older = await peer(instances[0]!, 'twin', 'a', 'both')
  await later()
  const newer = await peer(instances[1]!, 'twin', 'b', 'both')
  const watchers = await Promise.all(
    [
      ['a', 'both'],
      ['both', 'b', 'a'],
    ].flatMap((keys) => instances.map((at, n) => peer(at, `${n}-${keys.join('')}`, ...keys))),
  )
  return { instances, older, newer, watchers }
}

/** Resolves when all of them know this of a peer on a key. */
async function expectKnown(clients: readonly Client[], id: string, key: string, info: string) {
  const all = () => clients.map((client) => known(client, key, id))
  await eventually(
    () => all().every((each) => each === info),
    () => `${info} on ${key}, not ${all().join(', ')}`,
    15_000,
  )
}

describe.runIf(hasEngine)(
  `what a session announces on one of three instances${withoutEngine}`,
  () => {
    test(
      'is shown on the keys of which it has the introductions, until its instance is killed',
      { timeout: 60_000 },
      async () => {
        const engine = await Engine.start()
        const { older, newer, watchers, instances } = await populated(engine)
        announce(newer, 'newer')
        announce(older, 'older')
        await expectKnown(watchers, 'twin', 'both', 'newer')
        await expectKnown(watchers, 'twin', 'a', 'older')
        await expectKnown(watchers.slice(3), 'twin', 'b', 'newer')
        await instances[1]!.kill('SIGKILL')
        const living = watchers.filter((_, n) => n % 3 !== 1)
        await expectKnown(living, 'twin', 'both', 'older')
        announce(older, 'older, later')
        for (const key of ['a', 'both']) await expectKnown(living, 'twin', key, 'older, later')
      },
    )

    test(
      'while Redis is gone reaches all others when it is there again, once',
      { timeout: 60_000 },
      async () => {
        const engine = await Engine.start()
        const { instances, newer, watchers } = await populated(engine)
        announce(newer, 'before')
        await expectKnown(watchers, 'twin', 'both', 'before')
        await engine.kill()
        for (const instance of instances) {
          await eventually(async () => !(await instance.report()).up, 'a bus that is down')
        }
        announce(newer, 'during')
        await newer.settled()
        await engine.run()
        await expectKnown(watchers, 'twin', 'both', 'during')
        announce(newer, 'after')
        await expectKnown(watchers, 'twin', 'both', 'after')
        for (const client of watchers) {
          const onBoth = got(client, 'Update').filter(({ keys }) =>
            (keys as string[]).includes('both'),
          )
          const all = onBoth.map(({ info }) => info)
          expect(all).toEqual([...new Set(all)])
        }
      },
    )

    test(
      'is the same for all in the end, however many come and announce at once: 400 rounds',
      { timeout: 120_000 },
      async () => {
        const engine = await Engine.start()
        const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
        const watchers = await Promise.all(
          [0, 1, 2, 0, 1, 2].map((at, n) => peer(instances[at]!, `watcher-${n}`, 'k')),
        )
        await expectAgreement(watchers, 'k', (at, id) => peer(instances[at]!, id), 400)
      },
    )
  },
)
