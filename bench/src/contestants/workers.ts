/** Our server in several processes on one port. */
import { fileURLToPath } from 'node:url'
import { SignalServer, Worker, Workers } from 'signal-server'
import { ready, workerCount } from './serve.js'

const worker = Worker.current()
if (worker) {
  await new SignalServer({ bus: worker.bus }).listen({ worker })
} else {
  const script = fileURLToPath(import.meta.url)
  const workers = new Workers({ count: workerCount, script, port: 0, host: '127.0.0.1' })
  const { port } = await workers.start()
  ready(port, { pids: [process.pid, ...workers.pids.map((pid) => pid!)] })
}
