import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { clientOf, receive, type Actor } from '../../signal-client/test/harness/stage.js'
import { Balancer } from './harness/balancer.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'

const groups = 10
const each = 3
const pipes = (groups * each * (each - 1)) / 2

/** Whether every client has a pipe to all others of its group. */
const allPiped = (actors: readonly Actor[]) =>
  actors.every(({ client }) => client.peers.size === each - 1)

/** Sends through every pipe, both ways, and waits until all of it is there. */
async function allTalk(actors: readonly Actor[], text: string): Promise<void> {
  const expected = actors.flatMap(({ client }) =>
    [...client.peers.values()].map(async (peer) => {
      const received = receive(peer.get([...client.keys][0]!)!)
      for (;;) if ((await received.next(`${text} at ${client.id}`)) === text) return
    }),
  )
  for (const { client } of actors) {
    for (const peer of client.peers.values()) peer.get([...client.keys][0]!)!.send(text)
  }
  await Promise.all(expected)
}

describe.runIf(hasEngine)(`a rolling restart of three instances${withoutEngine}`, () => {
  test(
    'row 37: the clients of each that drains move on to the others and are piped again',
    { timeout: 90_000 },
    async ({ annotate }) => {
      const engine = await Engine.start()
      const options = { drainTimeout: 500, closeTimeout: 500 }
      const start = () => Instance.start(engine.url, options)
      const balancer = await Balancer.open()
      const old = await Promise.all([start(), start(), start()])
      for (const { port } of old) balancer.add(port)
      const actors = Array.from({ length: groups * each }, (_, n) =>
        clientOf(balancer.url, `client-${n}`, { keys: [`document-${n % groups}`] }),
      )
      const leftPipes = () =>
        actors.reduce((sum, { told }) => sum + told['peer-left'].seen.length, 0)
      await eventually(() => allPiped(actors), `${pipes} pipes`)
      await allTalk(actors, 'before')

      for (const [n, instance] of old.entries()) {
        const next = await start()
        balancer.add(next.port)
        // both sides of each of its pipes have to hear that it is gone
        const leaving = leftPipes() + 2 * (await instance.gauge('pipes'))
        const since = performance.now()
        expect(await instance.kill('SIGTERM')).toBe(0)
        const endedAt = performance.now()
        const again = () => leftPipes() >= leaving && allPiped(actors)
        await eventually(again, 'all pipes again', 20_000)
        const seconds = (at: number) => ((at - since) / 1_000).toFixed(1)
        await annotate(
          `instance ${n} was gone after ${seconds(endedAt)} s, and all were piped again after ` +
            `${seconds(performance.now())} s`,
        )
        expect(performance.now() - since).toBeLessThan(10_000)
        await allTalk(actors, `after ${n}`)
      }
      for (const { told } of actors) {
        expect(told.error.seen).toEqual([])
        for (const [why] of told.disconnected.seen) expect(why.code).toBe(1012)
        for (const [, , why] of told['peer-left'].seen) expect(why).toBe('lost')
      }
      // none of them was on one of the old ones for nothing
      expect(actors.some(({ told }) => told.disconnected.seen.length > 0)).toBe(true)
    },
  )
})
