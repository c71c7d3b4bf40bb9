import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { within } from './harness/arrivals.js'
import { ServerProcess } from './harness/server-process.js'

const script = fileURLToPath(new URL('harness/returning-load.mjs', import.meta.url))

// all 5,000 where the machine is the test's own: RETURNING=5000 npx vitest run …
const clients = Number(process.env.RETURNING ?? 1_000)

test(
  `row 39: ${clients} clients that come back at once after a restart are introduced and piped again within 10 s`,
  { timeout: 60_000 },
  async ({ annotate }) => {
    const load = fork(script, [JSON.stringify({ pairs: clients / 2 })])
    onTestFinished(() => {
      load.kill('SIGKILL')
    })
    await within(once(load, 'message'), 'the clients')
    const everyone = async (server: ServerProcess) => {
      const greeted = within(once(load, 'message'), 'a word from every partner', 30_000)
      load.send({ port: server.port })
      const [{ seconds }] = (await greeted) as [{ seconds: number }]
      return seconds
    }
    const server = await ServerProcess.start()
    await everyone(server)
    server.kill()
    const next = await ServerProcess.start()
    const seconds = await everyone(next)
    await annotate(`${clients} clients in ${seconds.toFixed(1)} s`)
    expect(seconds).toBeLessThan(10)
    const { stats } = await next.report()
    expect(stats.endpoints).toMatchObject({
      introduction: { sessions: clients },
      connection: { pipes: clients / 2, waiting: 0 },
    })
  },
)
