import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import type { Client } from '../../signal-server/test/harness/client.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'
import { got, peer, told } from './harness/peers.js'

const announce = (client: Client, info: string) => client.send({ type: 'Announce', info })

const updates = (client: Client) => got(client, 'Update').map(({ info }) => info)

/** A peer with sessions on two of three instances, which share no key, and peers of both. */
async function populated(engine: Engine) {
  const instances = await Promise.all([0, 1, 2].map(() => Instance.start(engine.url)))
  const older = await peer(instances[0]!, 'twin', 'a')
  // by whichever clock, the other one is the newer
  const now = Date.now()
  await eventually(() => Date.now() > now, 'the next millisecond')
  const newer = await peer(instances[1]!, 'twin', 'b')
  const watchers = await Promise.all(
    [
      ['a', 'b'],
      ['b', 'a', 'c'],
    ].flatMap((keys) => instances.map((at, n) => peer(at, `${n}-${keys.join('')}`, ...keys))),
  )
  const onA = await Promise.all(instances.map((at, n) => peer(at, `${n}-a`, 'a')))
  watchers.push(...onA)
  await eventually(
    () => watchers.every((watcher) => told(watcher, 'Introduction', 'twin')()),
    'introductions',
  )
  return { instances, older, newer, watchers, onA }
}

/** Resolves when everybody was shown these Updates, and no other. */
async function expectUpdates(clients: readonly Client[], infos: string[]): Promise<void> {
  await eventually(
    () => clients.every((client) => updates(client).at(-1) === infos.at(-1)),
    () => `${infos.at(-1)}, not ${clients.map((client) => updates(client).at(-1)).join(', ')}`,
    15_000,
  )
  for (const client of clients) expect(updates(client)).toEqual(infos)
}

let newcomers = 0

/** Resolves when who comes to an instance is shown this of the twin. */
async function expectShown(instance: Instance, info: string): Promise<void> {
  const shown = async () => {
    const fresh = await peer(instance, `newcomer-${++newcomers}`, 'a')
    await eventually(told(fresh, 'Introduction', 'twin'), 'an introduction')
    const about = got(fresh, 'Introduction').find(({ id }) => id === 'twin')
    await fresh.close()
    return about!.info === info
  }
  await eventually(shown, `${info} on ${instance.ws}`, 15_000)
}

describe.runIf(hasEngine)(`what a peer announces on one of three instances${withoutEngine}`, () => {
  test(
    'counts on all, until its instance is killed: then what another session has announced',
    { timeout: 60_000 },
    async () => {
      const engine = await Engine.start()
      const { instances, older, newer, watchers, onA } = await populated(engine)
      announce(newer, 'newer')
      await expectUpdates(watchers, ['newer'])
      announce(older, 'older')
      await older.settled()
      for (const instance of instances) await expectShown(instance, 'newer')
      await instances[1]!.kill('SIGKILL')
      for (const n of [0, 2]) await expectShown(instances[n]!, 'older')
      announce(older, 'older, later')
      const living = [onA[0]!, onA[2]!]
      await expectUpdates(living, ['newer', 'older, later'])
    },
  )

  test(
    'while Redis is gone reaches all others when it is there again, once',
    { timeout: 60_000 },
    async () => {
      const engine = await Engine.start()
      const { instances, newer, watchers } = await populated(engine)
      announce(newer, 'before')
      await expectUpdates(watchers, ['before'])
      await engine.kill()
      for (const instance of instances) {
        await eventually(async () => !(await instance.report()).up, 'a bus that is down')
      }
      announce(newer, 'during')
      await newer.settled()
      await engine.run()
      // who shares a key with both may be introduced anew with it instead
      const knows = (client: Client) =>
        got(client, 'Update')
          .concat(got(client, 'Introduction'))
          .some(({ info }) => info === 'during')
      await eventually(() => watchers.every(knows), 'what was announced meanwhile', 15_000)
      announce(newer, 'after')
      await eventually(
        () => watchers.every((client) => updates(client).at(-1) === 'after'),
        'what is announced after it',
      )
      for (const client of watchers) {
        const all = updates(client)
        expect(all).toEqual([...new Set(all)])
      }
    },
  )
})
