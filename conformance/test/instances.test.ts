import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  Engine,
  hasEngine,
  withoutEngine,
} from '../../packages/signal-redis/test/harness/engine.js'
import { Instance } from '../../packages/signal-redis/test/harness/instance.js'
import { allChecks, type Subject } from '../src/index.js'
import { tests } from './harness/tests.js'

const checks = allChecks.filter(({ slow }) => !slow)

/** Processes that are there while the tests of a block run; the checks see no more than their URLs. */
function processes(
  start: (atEnd: (end: () => unknown) => void) => Promise<[string, string]>,
): Subject {
  const subject: Subject = { first: '', second: '', common: 'v0' }
  const ends: (() => unknown)[] = []
  beforeAll(async () => {
    const [first, second] = await start((end) => ends.unshift(end))
    Object.assign(subject, { first, second })
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })
  return subject
}

describe.runIf(hasEngine)(
  `the two clients on two of three processes, on Redis${withoutEngine}`,
  { timeout: 60_000 },
  () => {
    const subject = processes(async (atEnd) => {
      const { url } = await Engine.start([], undefined, atEnd)
      const start = () => Instance.start(url, {}, undefined, atEnd)
      const [one, two] = await Promise.all([start(), start(), start()])
      return [one.ws, two.ws]
    })
    tests(checks, subject)
  },
)

describe('the clients anywhere on three workers', { timeout: 60_000 }, () => {
  const script = '../../packages/signal-server/test/harness/worker.mjs'
  const subject = processes(async (atEnd) => {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const crew = spawn(process.execPath, [path, JSON.stringify({ count: 3 })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    atEnd(() => crew.kill('SIGKILL'))
    const [line] = (await once(createInterface({ input: crew.stdout }), 'line')) as [string]
    const { port } = JSON.parse(line) as { port: number }
    return [`ws://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`]
  })
  tests(checks, subject)
})
