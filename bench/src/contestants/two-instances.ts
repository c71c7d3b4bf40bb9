/** A Redis and two instances of our server on it: each side of a pair is on one of them. */
import { fileURLToPath } from 'node:url'
import { Child } from '../child.js'
import { startRedis } from './redis-server.js'
import { ready, type Ready } from './serve.js'

const redis = await startRedis()
const script = fileURLToPath(new URL('./instance.js', import.meta.url))
const [near, far] = await Promise.all(
  [0, 1].map(() => {
    const args = [...process.execArgv, script, '--redis', `redis://127.0.0.1:${redis.port}`]
    return new Child(args).answer<Ready>(10)
  }),
)
ready(near!.port, { farPort: far!.port, pids: [...near!.pids, ...far!.pids, redis.pid] })
