// A server in a process of its own, for tests that measure it or take something away from it. It
// is told its options as JSON and its port, and answers what it is asked over the IPC channel.
import { SignalServer } from 'signal-server'

const server = new SignalServer(JSON.parse(process.argv[2] ?? '{}'))
const { port } = await server.listen({ port: Number(process.argv[3] ?? 0), host: '127.0.0.1' })

function collectGarbage() {
  return new Promise((resolve) => {
    globalThis.gc?.()
    // what finalizers free in a later turn goes with a second collection
    setImmediate(() => {
      globalThis.gc?.()
      resolve()
    })
  })
}

process.on('message', async ({ id, collect }) => {
  if (collect) await collectGarbage()
  process.send({ id, stats: server.stats(), memory: process.memoryUsage() })
})
process.on('disconnect', () => process.exit(0))
process.send({ port })
