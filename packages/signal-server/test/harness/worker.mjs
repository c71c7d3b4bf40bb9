// Several processes on one port, as an app would start them. Each prints what it has when it gets
// a SIGUSR2, with how many messages of the primary have come, and is busy for ever after a SIGHUP; the first that finds no file `stuckFirst` already
// at its start.
import { readFileSync, writeFileSync } from 'node:fs'
import { SignalServer, Worker, Workers } from 'signal-server'

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const worker = Worker.current()
const { count, options = {}, tls, stuckAfter, stuckFirst } = JSON.parse(process.argv[2])
if (worker) {
  if (stuckFirst && isFirst()) for (;;);
  const server = new SignalServer({ ...options, bus: worker.bus })
  const files = tls && { key: readFileSync(tls.key), cert: readFileSync(tls.cert) }
  let messages = 0
  process.on('message', () => messages++)
  await server.listen({ worker, ...(files && { tls: files }) })
  process.on('SIGUSR2', () => {
    print({ number: worker.number, stats: server.stats(), messages })
  })
  process.on('SIGHUP', () => {
    for (;;);
  })
  await worker.stopped
  await server.drain()
  await server.close()
  process.exit(0)
} else {
  const workers = new Workers({
    count,
    script: process.argv[1],
    args: process.argv.slice(2),
    port: 0,
    host: '127.0.0.1',
    tls: tls !== undefined,
    stuckAfter,
  })
  const { port } = await workers.start()
  process.on('SIGUSR1', () => print({ pids: workers.pids }))
  process.on('SIGTERM', async () => {
    await workers.stop()
    process.exit(0)
  })
  // last: a signal may come right behind it
  print({ port })
}

function isFirst() {
  try {
    writeFileSync(stuckFirst, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}
