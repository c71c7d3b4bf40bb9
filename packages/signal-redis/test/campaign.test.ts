import { describe, expect, onTestFinished, test } from 'vitest'
import { Random } from '../../../stress/src/random.js'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { hasEngine, withoutEngine } from './harness/engine.js'
import { ServersOnRedis } from './harness/servers-on-redis.js'
import { Roamer } from './harness/roamer.js'
import { Wanderer, type Campaign } from './harness/wanderer.js'

// what happens comes again with the same seed; when exactly, does not
const seed = Number(process.env.CAMPAIGN_SEED ?? 1)
const faultTime = process.env.LONG_TESTS ? 90_000 : 12_000
/** An instance that died is known as dead within 11 s. */
const healTime = 15_000

describe.runIf(hasEngine)(`a campaign against three instances on Redis${withoutEngine}`, () => {
  test(
    'row 42: killed, frozen and cut off, they lose nothing silently, mix nobody up, and heal',
    { timeout: faultTime + 60_000 },
    async ({ annotate }) => {
      const random = new Random(seed)
      const group = await ServersOnRedis.start(3)
      const place = () => group.place(random).ws
      const campaign: Campaign = { random, wrong: [], place, era: 0, over: false }
      const wanderers = Array.from({ length: 30 }, (_, n) =>
        Wanderer.couple(campaign, `couple-${n}`),
      ).flat()
      const roamers = Array.from(
        { length: 45 },
        (_, n) => new Roamer(campaign, `roamer-${n}`, `room-${n % 9}`),
      )
      const acting = setInterval(() => {
        for (const client of [...wanderers, ...roamers]) client.act()
      }, 80)
      onTestFinished(() => {
        clearInterval(acting)
        for (const client of [...wanderers, ...roamers]) client.end()
      })
      const nothingWrong = () => {
        expect(campaign.wrong, [`seed ${seed}`, ...group.log].join('\n')).toEqual([])
      }

      const end = performance.now() + faultTime
      while (performance.now() < end) {
        group.misfortune(random)
        if (random.chance(0.2) && roamers.length > 27) {
          roamers.splice(random.below(roamers.length), 1)[0]!.end()
        }
        await new Promise((resolve) => setTimeout(resolve, 200 + random.below(800)))
        nothingWrong()
      }
      campaign.over = true
      await group.heal()
      campaign.era++
      const healedAt = performance.now()
      const seconds = () => ((performance.now() - healedAt) / 1_000).toFixed(1)

      const mute = () => wanderers.filter(({ heardEra }) => heardEra < campaign.era)
      await eventually(
        () => mute().length === 0,
        () => [`seed ${seed}`, ...mute().map(({ name }) => name), ...group.log].join('\n'),
        healTime,
      )
      const piped = seconds()
      const wrongViews = () =>
        roamers.flatMap(({ id, room, view }) => {
          const there = roamers.filter((other) => other.room === room && other.id !== id)
          const right = there.length === view.size && there.every((other) => view.has(other.id))
          const ids = there.map((other) => other.id)
          return right ? [] : `${id} in ${room} sees ${[...view].join()}, not ${ids.join()}`
        })
      await eventually(
        () => wrongViews().length === 0,
        () => [`seed ${seed}`, ...wrongViews(), ...group.log].join('\n'),
        healTime,
      )
      const heard = wanderers.reduce((sum, each) => sum + each.heard, 0)
      await annotate(
        `seed ${seed}: ${group.log.length} faults, ${heard} messages; everybody heard the other ` +
          `after ${piped} s, and everybody saw who is there after ${seconds()} s`,
      )
      nothingWrong()

      clearInterval(acting)
      for (const wanderer of wanderers) wanderer.leave()
      for (const roamer of roamers) roamer.end()
      await eventually(() => wanderers.every(({ gone }) => gone), 'the last closes')
      nothingWrong()
      for (const instance of group.instances) {
        const left = async () => {
          const { sockets, bufferedBytes, endpoints } = (await instance.report()).stats
          const { waiting, pipes, remotePipes } = endpoints['connection']!
          return { sockets, bufferedBytes, waiting, pipes, remotePipes }
        }
        const nothing = { sockets: 0, bufferedBytes: 0, waiting: 0, pipes: 0, remotePipes: 0 }
        await expect.poll(left, { timeout: 10_000 }).toEqual(nothing)
      }
    },
  )
})
