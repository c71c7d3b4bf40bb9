// The endpoints in a process of their own. The process answers each message of the IPC channel with
// the CPU time, in milliseconds, that the main thread used in the longest turn of the event loop
// since the message before.
import { existsSync, readFileSync } from 'node:fs'
import { SignalServer, Tokens } from 'signal-server'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'

// the one of room-client.ts
const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })
const server = new SignalServer()
server.use(rooms({ tokens }))
for (const endpoint of [relayWs(), rtc({ version: '1' }), call()]) server.use(endpoint)
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })

// The CPU time of the process would include the threads in which V8 compiles and collects garbage, as
// many as the machine has cores for. Before Node 22.19 the kernel tells the time of a thread, which
// it updates every few milliseconds: see schedstat in proc(5).
const schedstat = `/proc/self/task/${process.pid}/schedstat`
const clocks = {
  thread: () => process.threadCpuUsage().user / 1_000,
  kernel: () => Number(readFileSync(schedstat, 'latin1').split(' ', 1)[0]) / 1e6,
  process: () => process.cpuUsage().user / 1_000,
}
const spent = process.threadCpuUsage
  ? clocks.thread
  : existsSync(schedstat)
    ? clocks.kernel
    : clocks.process
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
