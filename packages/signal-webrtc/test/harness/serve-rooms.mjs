// An instance with rooms in a process of its own: it is told the URL of its engine and the secret of
// its tokens, and answers what it is asked over the IPC channel.
import { Redis } from 'ioredis'
import { SignalServer, Tokens } from 'signal-server'
import { rooms } from 'signal-webrtc'
import { RedisBus } from '../../../signal-redis/dist/index.js'

const [url, options] = process.argv.slice(2)
const bus = new RedisBus(url)
const server = new SignalServer({ bus })
const redis = new Redis(url, { lazyConnect: true })
server.use(rooms({ tokens: new Tokens(JSON.parse(options)), redis }))
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

process.on('message', ({ id }) => {
  process.send({ id, up: bus.up, stats: server.stats(), memory: process.memoryUsage() })
})
process.on('disconnect', () => process.exit(0))
process.send({ port })
