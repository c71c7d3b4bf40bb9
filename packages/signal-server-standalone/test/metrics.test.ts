import { outcomeNames } from 'signal-server'
import { expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Command } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { introduced, pair } from './harness/peers.js'

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
