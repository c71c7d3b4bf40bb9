import { expect, test } from 'vitest'
import { ServerProcess } from '../../signal-server/test/harness/server-process.js'
import { within } from './harness/events.js'
import { clientOf, type Actor } from './harness/stage.js'

const groups = 40
const each = 5
const clients = groups * each
const pipes = (groups * each * (each - 1)) / 2

/** Waits until everybody has a pipe to everybody else of the group, anew. */
async function everybodyMeets(actors: Actor[]): Promise<void> {
  await Promise.all(
    actors.map(async ({ client, told }) => {
      const met = new Set<string>()
      while (met.size < each - 1) {
        const [peer] = await told.peer.next(`peers for ${client.id}`, 30_000)
        met.add(peer.id)
      }
    }),
  )
}

test(
  `${clients} clients with ${pipes} pipes meet again after the server was killed`,
  { timeout: 90_000 },
  async ({ annotate }) => {
    const server = await ServerProcess.start()
    const actors = Array.from({ length: clients }, (_, n) =>
      clientOf(server.http, `client-${n}`, { keys: [`document-${Math.floor(n / each)}`] }),
    )
    await everybodyMeets(actors)
    expect((await server.report()).stats.endpoints).toMatchObject({ connection: { pipes } })

    server.kill()
    await Promise.all(
      actors.map(async ({ client, told }) => {
        await told.disconnected.next(`the end for ${client.id}`)
        for (let n = 1; n < each; n++) {
          const [, , why] = await told['peer-left'].next(`the end of its pipes for ${client.id}`)
          expect(why).toBe('lost')
        }
      }),
    )

    const next = await ServerProcess.start({}, undefined, server.port)
    const startedAt = performance.now()
    await within(everybodyMeets(actors), 'all pipes', 30_000)
    const seconds = (performance.now() - startedAt) / 1_000
    await annotate(`introduced and paired again in ${seconds.toFixed(1)} s`)
    expect((await next.report()).stats.endpoints).toMatchObject({
      introduction: { sessions: clients },
      connection: { pipes, waiting: 0 },
    })
    for (const { client, told } of actors) {
      expect(client.peers.size).toBe(each - 1)
      expect(told.error.seen).toEqual([])
    }
  },
)
