/** The floor of what goes over the bus: Redis alone; the load publishes and subscribes itself. */
import { startRedis } from './redis-server.js'
import { ready } from './serve.js'

const { port, pid } = await startRedis()
ready(port, { pids: [pid] })
