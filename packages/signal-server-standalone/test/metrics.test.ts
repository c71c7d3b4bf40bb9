import { readFileSync } from 'node:fs'
import { outcomeNames, SignalServer, type Endpoint } from 'signal-server'
import { expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { metricsOf } from '../src/http/metrics.js'
import { Command, ws } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { introduced, pair } from './harness/peers.js'
import { view } from './harness/viewer.js'

const limits = {
  MAX_SOCKETS: '1000',
  MAX_BUFFERED_BYTES: '40000000',
  MAX_REGISTRATIONS: '20000',
}

test('count what is there and what has happened', async () => {
  const { url } = await Command.serve()
  const peers = await introduced(url)
  const pipe = await pair(url)
  pipe[0].send(Buffer.alloc(1_000))
  await pipe[1].messages.next()

  const during = await metrics(url)
  expect(during.get('signal_sockets')).toBe(4)
  expect(during.get('signal_introduction_peers')).toBe(2)
  expect(during.get('signal_introduction_keys')).toBe(1)
  expect(during.get('signal_connection_pipes')).toBe(1)
  expect(during.get('signal_ready')).toBe(1)
  expect(during.get('signal_piped_messages_total')).toBe(2)
  expect(during.get('signal_piped_bytes_total')).toBe(1_000 + 4 + 'paired?'.length + 2)
  expect(during.get('signal_introduction_messages_total')).toBe(2)
  expect(during.get('signal_outcomes_total{outcome="paired"}')).toBe(1)
  expect(during.get('signal_pairing_seconds_count')).toBe(1)
  expect(during.get('signal_pairing_seconds_bucket{le="5"}')).toBe(1)
  expect(during.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
  for (const outcome of outcomeNames) {
    expect(during.has(`signal_outcomes_total{outcome="${outcome}"}`), outcome).toBe(true)
  }

  for (const client of [...peers, ...pipe]) await client.close()
  await eventually(async () => (await metrics(url)).get('signal_sockets') === 0, 'no sockets')
  const after = await metrics(url)
  expect(after.get('signal_pipe_seconds_count')).toBe(1)
  expect(after.get('signal_session_seconds_count')).toBe(2)
  expect([...after.keys()].join('\n')).not.toMatch(/alice|bob|raccoon|127\.0\.0\.1/)
})

test('are as many however many ids and keys there are', async () => {
  const { url } = await Command.serve()
  const before = [...(await metrics(url)).keys()].filter((name) => name.startsWith('signal_'))
  for (const key of ['a', 'b', 'c']) {
    for (const client of await introduced(url, key)) await client.close()
  }
  const after = [...(await metrics(url)).keys()].filter((name) => name.startsWith('signal_'))
  expect(after).toEqual(before)
})

test.each(['1', '2'])(
  'say what is used of each limit, beside the limit (WEB_CONCURRENCY=%s)',
  async (WEB_CONCURRENCY) => {
    const { url } = await Command.serve({ ...limits, WEB_CONCURRENCY })
    await introduced(url)
    const waits = await Client.open(`${ws(url)}/connection/carol/dave/k`)
    waits.send(Buffer.alloc(10_000))
    const callers = await Promise.all([1, 2, 3].map(() => Client.open(`${ws(url)}/call`)))
    const viewer = await view(url)
    await viewer.events.next()
    const held = async () => (await metrics(url)).get('signal_connection_held_bytes')! >= 10_000
    await eventually(held, 'the bytes that are held')

    const counted = await metrics(url)
    const processes = Number(WEB_CONCURRENCY)
    const used = (name: string, unit = '') => [
      counted.get(`signal_${name}${unit}`),
      counted.get(`signal_${name}_max${unit}`),
    ]
    // the viewer and whoever asks for the metrics are no WebSockets
    expect(counted.get('signal_sockets')).toBe(6)
    expect(used('connections')[1]).toBe(1_000)
    expect(counted.get('signal_connections')).toBeGreaterThanOrEqual(7)
    expect(used('buffered', '_bytes')[1]).toBe(40_000_000)
    expect(counted.get('signal_buffered_bytes')).toBeGreaterThanOrEqual(10_000)
    expect(used('connection_held', '_bytes')[1]).toBe(20_000_000)
    expect(used('introduction_registrations')).toEqual([2, 20_000])
    expect(used('status_viewers')).toEqual([1, 100 * processes])
    // all clients of an app are at one process
    expect(used('call_largest_app_clients')).toEqual([3, 1_000])
    expect(used('rtc_largest_app_clients')).toEqual([0, 1_000])

    viewer.leave()
    for (const client of [...callers, waits]) await client.close()
    const less = async () => (await metrics(url)).get('signal_call_largest_app_clients') === 0
    await eventually(less, 'no callers')
  },
)

test('a limit that is off is +Inf', async () => {
  const { url } = await Command.serve({ MAX_SOCKETS: 'none', MAX_REGISTRATIONS: 'none' })
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toMatch(/^signal_connections_max \+Inf$/m)
  expect(text).toMatch(/^signal_introduction_registrations_max \+Inf$/m)
})

test('each limit stands in docs/DEPLOY.md', async () => {
  const document = readFileSync(new URL('../../../docs/DEPLOY.md', import.meta.url), 'utf8')
  const { url } = await Command.serve({ APP_SECRET: 'x'.repeat(32) })
  const names = [...(await metrics(url)).keys()].filter((name) => /^signal_\w+_max/.test(name))
  expect(names.length).toBeGreaterThan(5)
  for (const name of names) {
    // there is one row for the three
    expect(document).toContain(name.replace(/^signal_(call|relay_ws)_/, 'signal_rtc_'))
  }
})

test('row 49: one collection asks each endpoint once, however many metrics there are', async () => {
  let asked = 0
  const endpoint: Endpoint = {
    name: 'asked',
    match: () => undefined,
    accept: ({ socket }) => void socket.destroy(),
    drain: () => Promise.resolve(),
    close: () => {},
    stats: () => ({ times: ++asked, others: 0 }),
    limits: { times: 7 },
  }
  const server = new SignalServer().use(() => endpoint)
  const registry = metricsOf(server, undefined, undefined)
  asked = 0
  for (const round of [1, 2]) {
    const text = await registry.metrics()
    expect(asked).toBe(round)
    expect(text).toMatch(new RegExp(`^signal_asked_times ${round}$`, 'm'))
    expect(text).toMatch(/^signal_asked_times_max 7$/m)
    expect(text).not.toContain('signal_asked_others_max')
  }
  await registry.getMetricsAsJSON()
  expect(asked).toBe(3)
  await server.close()
})

test('can be turned off', async () => {
  const { url } = await Command.serve({ METRICS: 'off' })
  expect((await fetch(`${url}/metrics`)).status).toBe(404)
})

test('row 49: are collected once for many who ask at the same time', async () => {
  const { url } = await Command.serve()
  const ask = async () => (await fetch(`${url}/metrics`)).text()
  await ask()
  const answers = await Promise.all(Array.from({ length: 100 }, ask))
  // the CPU time of the process is another one each time
  expect(new Set(answers).size).toBeLessThan(20)
})
