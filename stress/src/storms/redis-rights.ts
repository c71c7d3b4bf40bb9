import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { RawClient } from '../clients/raw-client.js'
import { freePort } from '../server/server-process.js'
import { commandStorm } from './command-storm.js'
import { pause, type Storm } from './storm.js'

const user = 'instance'
const upWithin = 15_000
// three looks of an instance, one per second
const looks = 3_500

/** An engine that stores nothing, with a user that may do what these rules say. */
async function startEngine(port: number, rules: string): Promise<ChildProcess> {
  const engine = spawn('redis-server', ['-'], { stdio: ['pipe', 'pipe', 'ignore'] })
  engine.stdin.end(`port ${port}\nbind 127.0.0.1\nsave ""\nuser ${user} on nopass ${rules}\n`)
  for (let text = ''; !text.includes('Ready to accept connections');) {
    const signal = AbortSignal.timeout(upWithin)
    text += String((await once(engine.stdout, 'data', { signal }))[0])
  }
  return engine
}

/** Says something to the engine as an operator would. */
async function tell(port: number, command: string): Promise<void> {
  const operator = new RawClient({ port })
  operator.write(Buffer.from(`${command}\r\n`))
  await operator.hears(/^\+OK/)
  operator.close()
}

/** Redis answers, and its user may not publish; then it may. */
export const redisRights: Storm = {
  name: 'redis-without-publish',
  row: 60,
  async run(target, random, size) {
    const port = await freePort()
    const engine = await startEngine(port, '~* &* +@all -publish')
    const storm = commandStorm({
      ...redisRights,
      environment: () => ({ REDIS_URL: `redis://${user}:none@127.0.0.1:${port}` }),
      async attack({ log, server }) {
        log?.resume()
        const ready = async () =>
          (await fetch(`http://127.0.0.1:${server.port}/readyz`)).status === 200
        const becomesReady = async () => {
          const until = Date.now() + upWithin
          while (Date.now() < until && !(await ready())) await pause(100)
          return ready()
        }
        await pause(looks)
        if (await ready()) return ['Redis: an instance that may not publish counts as ready.']
        await tell(port, `ACL SETUSER ${user} +publish`)
        // after that it stays ready, for it serves its own clients without Redis
        if (await becomesReady()) return []
        return ['Redis: an instance that may publish is not ready.']
      },
    })
    try {
      return await storm.run(target, random, size)
    } finally {
      const exited = once(engine, 'exit')
      engine.kill()
      await exited
    }
  },
}

/** Whether there is a Redis on this machine. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0
