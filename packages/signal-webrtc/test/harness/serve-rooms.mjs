// An instance with rooms in a process of its own: it is told the URL of its engine, and answers
// what it is asked over the IPC channel.
import { SignalServer, Tokens } from 'signal-server'
import { rooms } from 'signal-webrtc'
import { RedisBus } from '../../../signal-redis/dist/index.js'

const [url] = process.argv.slice(2)
// the one of room-client.ts
const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })
const bus = new RedisBus(url)
const server = new SignalServer({ bus })
server.use(rooms({ tokens }))
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

process.on('message', ({ id }) => {
  process.send({ id, up: bus.up, stats: server.stats(), memory: process.memoryUsage() })
})
process.on('disconnect', () => process.exit(0))
process.send({ port })
