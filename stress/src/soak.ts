import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { churn, type Tally } from './churn.js'
import { commandLine } from './command-line.js'
import { curve, type Sample } from './curve.js'
import { quiet } from './quiet.js'
import { Random } from './random.js'
import { ServerProcess } from './server/server-process.js'

// `yarn soak`: clients that come, talk and go for a long time; then memory, handles and everything
// that the server counts must be back where they were.

const usage = `yarn soak [options]
  --minutes N   how long (1)
  --together N  pairs at a time (60)
  --seed N      what the random choices follow from (1)
  --write       puts the plot of memory into docs/soak.svg

What the server has kept, or a byte that is not as it was sent, ends it with an exit code of 1.
`
const { numbers, on } = commandLine(
  usage,
  {
    minutes: { fallback: 1, least: 0.01 },
    together: { fallback: 60, least: 1 },
    seed: { fallback: 1, least: 0 },
  },
  ['write'],
)
const { minutes, together, seed } = numbers
const until = Date.now() + minutes * 60_000
const sampleInterval = 2_000
const picture = fileURLToPath(new URL('../../docs/soak.svg', import.meta.url))

const server = await ServerProcess.start()
const { handles: idle } = await server.report()
const tally: Tally = { pairs: 0, bytes: 0, introductions: 0 }
const samples: Sample[] = []
const begin = Date.now()
const sample = async () => {
  const { stats, rss, heap } = await server.report()
  const at = (Date.now() - begin) / 1_000
  samples.push({ at, rss, heap, sockets: stats.sockets })
}

// what is made once and stays (code, pools, listeners) is not a leak: a first round makes it
await round(Date.now() + Math.min(20_000, minutes * 15_000))
await quiet(server, idle)
const before = await server.report()
console.log(`Soaking until ${new Date(until).toLocaleTimeString()}, ${together} pairs at a time.`)

let sampling: Promise<void> = Promise.resolve()
const timer = setInterval(() => {
  sampling = sampling.then(sample)
}, sampleInterval)
await round(until)
clearInterval(timer)
await sampling
await quiet(server, idle)
await sample()
const after = await server.report()
if (server.faults.length > 0) throw new Error(server.faults.join('\n'))
await server.stop()

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
console.log(`${tally.pairs} pairs, ${megabytes(tally.bytes)} MB, every byte as it was sent.`)
console.log(`Heap ${megabytes(before.heap)} → ${megabytes(after.heap)} MB`)
console.log(`Memory ${megabytes(before.rss)} → ${megabytes(after.rss)} MB`)
console.log('No handle more than before the first client; nothing left in any map.')
if (on.has('write')) {
  const title = `${tally.pairs} pairs in ${minutes} minutes, ${together} at a time`
  writeFileSync(picture, curve(samples, title))
}
const grown = after.heap - before.heap
if (grown > 20e6) {
  console.error('The server has kept something.')
  process.exitCode = 1
}

async function round(end: number): Promise<void> {
  let number = 0
  const one = async () => {
    while (Date.now() < end && server.faults.length === 0) {
      const name = `${end}-${number++}`
      await churn(server.port, name, new Random(seed * 7_919 + number), tally)
    }
  }
  await Promise.all(Array.from({ length: together }, one))
}
