import { startRedis } from '../server/redis.js'
import { commandStorm } from './command-storm.js'
import { pause, type Storm } from './storm.js'

const upWithin = 15_000
// three looks of an instance, one per second
const looks = 3_500

/** Redis answers, and its user may not publish; then it may. */
export const redisRights: Storm = {
  name: 'redis-without-publish',
  row: 60,
  async run(target, random, size) {
    const redis = await startRedis('~* &* +@all -publish')
    const storm = commandStorm({
      ...redisRights,
      environment: () => ({ REDIS_URL: redis.url }),
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
        await redis.tell('ACL SETUSER instance +publish')
        // after that it stays ready, for it serves its own clients without Redis
        if (await becomesReady()) return []
        return ['Redis: an instance that may publish is not ready.']
      },
    })
    try {
      return await storm.run(target, random, size)
    } finally {
      await redis.stop()
    }
  },
}
