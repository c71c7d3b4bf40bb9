// An instance in a process of its own: it is told the URL of its engine and its options, and
// answers what it is asked over the IPC channel.
import { RedisBus } from 'signal-redis'
import { SignalServer } from 'signal-server'

const [url, options = '{}'] = process.argv.slice(2)
const bus = new RedisBus(url)
const server = new SignalServer({ ...JSON.parse(options), bus })
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

process.on('message', ({ id }) => {
  globalThis.gc?.()
  process.send({ id, up: bus.up, stats: server.stats(), memory: process.memoryUsage() })
})
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', async () => {
  await server.drain()
  await server.close()
  bus.close()
  process.exit(0)
})
process.send({ port })
