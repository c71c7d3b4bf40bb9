import { Tokens } from 'signal-server'
import { Bystanders } from './bystanders.js'
import { commandLine } from './command-line.js'
import { fuzzCase } from './fuzz-case.js'
import { quiet } from './quiet.js'
import { secret } from './secrets.js'
import { ServerProcess } from './server-process.js'

// `yarn fuzz`: clients that send anything, in every phase, while two others talk undisturbed.

const usage = `yarn fuzz [options]
  --minutes N  how long (1)
  --seed N     what the random choices follow from; the same number, the same cases (by the time)
  --from N     the first case (0)
  --cases N    ends after so many, if the time is not over before

One fault ends it with exit code 1, and with the command that repeats the cases in which it was found.
`
const { numbers } = commandLine(usage, {
  minutes: { fallback: 1, least: 0.01 },
  seed: { fallback: Date.now() % 1_000_000, least: 0 },
  from: { fallback: 0, least: 0 },
  cases: { fallback: 1_000_000_000, least: 1 },
})
const { minutes, seed, from: first, cases } = numbers
const until = Date.now() + minutes * 60_000
const last = first + cases
const together = 60
const batch = 600

const server = await ServerProcess.start({ holdTime: 2_000, pingAfter: 2_000, pongWithin: 1_000 })
const { handles: idle, memory: before } = await server.report()
const token = await new Tokens({ secret }).issue({ app: 'stress' })
const bystanders = await Bystanders.meet(server.port, token)
console.log(`Fuzzing with --seed ${seed}, until ${new Date(until).toLocaleTimeString()}.`)

let next = first
let slowest = 0
while (Date.now() < until && next < last && server.faults.length === 0) {
  const begin = next
  const end = Math.min(begin + batch, last)
  const one = async () => {
    while (next < end) await fuzzCase(server.port, seed, next++, token)
  }
  await Promise.all(Array.from({ length: together }, one))
  const asked = performance.now()
  try {
    const health = await fetch(`http://127.0.0.1:${server.port}/healthz`)
    if (health.status !== 200) server.faults.push(`The health check answered ${health.status}.`)
    slowest = Math.max(slowest, performance.now() - asked)
    await bystanders.talk()
  } catch (error) {
    server.faults.push(String(error))
  }
  if (server.faults.length > 0) {
    console.error(`In the cases ${begin} to ${end}:\n${server.faults.join('\n')}`)
    console.error(`Again: yarn fuzz --seed ${seed} --from ${begin} --cases ${end - begin}`)
  }
}
bystanders.close()
if (server.faults.length === 0) {
  await quiet(server, idle)
  const { memory } = await server.report()
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  console.log(
    `${next - first} cases, no fault. Slowest health check ${Math.round(slowest)} ms; memory ` +
      `${megabytes(before.rss)} MB before, ${megabytes(memory.rss)} MB after; nothing left.`,
  )
  await server.stop()
} else {
  process.exitCode = 1
}
