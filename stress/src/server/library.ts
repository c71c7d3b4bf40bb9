import type * as redis from 'signal-redis'
import type * as library from 'signal-server'
import type * as webrtc from 'signal-webrtc'
import type { Checkout } from '../checkout.js'
import { password, secret } from '../secrets.js'
import { answerReports } from './probe.js'

// A server in a process of its own, with every endpoint: anybody may come in, to the app that the
// query names, but the rooms ask for a token. Its death can be seen, its memory and its event loop
// measured, and it tells every fault.

const { checkout, options, redisUrl } = JSON.parse(process.argv[2] ?? '{}') as {
  checkout: Checkout
  options: library.SignalServerOptions
  /** Of the Redis that joins it with other instances. */
  redisUrl?: string
}
const { SignalServer, Tokens } = (await import(checkout.library)) as typeof library
const { call, relayWs, rooms, rtc } = (await import(checkout.webrtc)) as typeof webrtc

const authorize: library.Authorize = ({ url = '' }) => ({
  app: /[?&]app=(\w{1,20})/.exec(url)?.[1] ?? '',
})
const bus = redisUrl === undefined ? undefined : await busOn(redisUrl)
const server = new SignalServer({ ...options, authorize, ...(bus && { bus }) })
for (const endpoint of [relayWs(), rtc(), call()]) server.use(endpoint)
server.use(rooms({ tokens: new Tokens({ secret }), password }))
server.on('fault', (error) => process.send?.({ fault: error.stack }))
answerReports(() => ({ stats: server.stats() }))
process.on('disconnect', () => process.exit(0))
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port })

async function busOn(url: string): Promise<library.Bus> {
  const { RedisBus } = (await import(checkout.redis)) as typeof redis
  return new RedisBus(url)
}
