// An instance with the endpoints in JSON, in a process of its own: it is told the URL of its engine
// and its options, and answers what it is asked over the IPC channel.
import { SignalServer } from 'signal-server'
import { call, relayWs, rtc } from 'signal-webrtc'
import { RedisBus } from '../../../signal-redis/dist/index.js'

const [url, options = '{}'] = process.argv.slice(2)
const bus = new RedisBus(url)
const server = new SignalServer({ ...JSON.parse(options), bus })
for (const endpoint of [relayWs(), rtc({ version: '1' }), call()]) server.use(endpoint)
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

process.on('message', ({ id }) => {
  process.send({ id, up: bus.up, stats: server.stats(), memory: process.memoryUsage() })
})
process.on('disconnect', () => process.exit(0))
process.send({ port })
