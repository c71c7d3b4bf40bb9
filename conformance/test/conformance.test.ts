import { LocalBus, SignalServer, type SignalServerOptions } from 'signal-server'
import { afterAll, beforeAll, describe } from 'vitest'
import { allChecks, type Check, type Subject } from '../src/index.js'
import { tests } from './harness/tests.js'

/** Servers that are there while the tests of a block run; the checks see no more than their URLs. */
function servers(...all: SignalServerOptions[]): Subject {
  const running = all.map((options) => new SignalServer(options))
  const subject: Subject = { first: '', second: '', common: 'v0' }
  beforeAll(async () => {
    const listening = await Promise.all(running.map((server) => server.listen({ port: 0 })))
    const [first = '', second = first] = listening.map(({ url }) => url)
    Object.assign(subject, { first, second })
  })
  afterAll(() => Promise.all(running.map((server) => server.close())))
  return subject
}

const isSlow = ({ slow }: Check) => slow === true
// a thousand sockets that answer no ping
const isCrowd = ({ section, slow }: Check) => slow === true && section === '9.1'

describe('a server with its defaults', { timeout: 60_000 }, () => {
  const checks = allChecks.filter((check) => !isSlow(check) || isCrowd(check))
  tests(checks, servers({}))
})

// what takes minutes with the defaults
describe('a server with little patience', { timeout: 60_000 }, () => {
  const times = { holdTimeout: 8_000, stallTimeout: 2_000, slowedTimeout: 2_000 }
  const subject = servers({ ...times, pingInterval: 1_000, pongTimeout: 1_000 })
  const checks = allChecks.filter((check) => isSlow(check) && !isCrowd(check))
  tests(checks, subject)
})

describe('two servers that a bus joins', { timeout: 60_000 }, () => {
  const bus = new LocalBus()
  const between = ['4', '5', '6', '7.1', '7.2', '7.3', '7.6', '7.7', '7.9', '7.10']
  const checks = allChecks.filter(
    ({ section, hostile, slow }) =>
      !hostile &&
      !slow &&
      between.some((part) => section === part || section.startsWith(`${part}.`)),
  )
  tests(checks, servers({ bus }, { bus }))
})
