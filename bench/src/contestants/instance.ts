/** Our server, joined with others by a Redis. */
import { RedisBus } from 'signal-redis'
import { SignalServer } from 'signal-server'
import { ready, redisUrl } from './serve.js'

const bus = new RedisBus(redisUrl)
const { port } = await new SignalServer({ bus }).listen({ port: 0, host: '127.0.0.1' })
const unwatch = bus.watch((up) => {
  if (up) tell()
})
const tell = () => {
  unwatch()
  ready(port)
}
if (bus.up) tell()
