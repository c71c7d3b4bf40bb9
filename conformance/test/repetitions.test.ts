import { SignalServer } from 'signal-server'
import { afterAll, beforeAll, describe } from 'vitest'
import { allChecks, type Subject } from '../src/index.js'
import { repeatingProxy } from './harness/repeating-proxy.js'
import { tests } from './harness/tests.js'

const sections = /^(3\.1|[4-6](\..+)?|7\.(2|9|10)|9\.[12])$/

describe('a server that repeats introductions', { timeout: 60_000 }, () => {
  const subject: Subject = { first: '', second: '', common: 'v0' }
  const server = new SignalServer()
  let end = () => {}
  beforeAll(async () => {
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    subject.first = subject.second = await repeatingProxy(port, (each) => (end = each))
  })
  afterAll(async () => {
    end()
    await server.close()
  })
  const checks = allChecks.filter(({ section, slow }) => !slow && sections.test(section))
  tests(checks, subject)
})
