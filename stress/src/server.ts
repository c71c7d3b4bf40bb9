import { SignalServer, Tokens } from 'signal-server'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'
import { password, secret } from './secrets.js'

// A server in a process of its own, so that its death can be seen and its memory measured. It
// answers 'report' with what it has, and tells every fault.

const options = JSON.parse(process.argv[2] ?? '{}') as ConstructorParameters<typeof SignalServer>[0]
const server = new SignalServer(options)
for (const endpoint of [relayWs(), rtc(), call()]) server.use(endpoint)
server.use(rooms({ tokens: new Tokens({ secret }), password }))
server.on('fault', (error) => process.send?.({ fault: error.stack }))
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ stats: server.stats(), memory: process.memoryUsage(), ...handles() })
})
process.on('disconnect', () => process.exit(0))
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port })

/** What keeps the process busy: sockets, timers and the like. */
function handles(): { handles: number } {
  return { handles: process.getActiveResourcesInfo().length }
}
