// The endpoints in a process of its own, which tells over the IPC channel how much CPU time
// the longest turn of its event loop has taken since it was asked last, in milliseconds.
import { SignalServer, Tokens } from 'signal-server'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'

// the one of room-client.ts
const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })
const server = new SignalServer()
server.use(rooms({ tokens }))
for (const endpoint of [relayWs(), rtc({ version: '1' }), call()]) server.use(endpoint)
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

const spent = () => process.cpuUsage().user / 1_000
let longest = 0
let before = spent()
function turn() {
  const now = spent()
  longest = Math.max(longest, now - before)
  before = now
  setImmediate(turn)
}

process.on('message', () => {
  process.send({ longest })
  longest = 0
})
process.on('disconnect', () => process.exit(0))
turn()
process.send({ port })
