import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, ws } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { freePort, redisMissing, redisTitle, startRedis } from './harness/redis.js'

describe.skipIf(redisMissing)(redisTitle('with REDIS_URL'), () => {
  test.each([
    ['', '1'],
    [', of two workers each,', '2'],
  ])('peers of two instances%s are introduced and piped', async (_name, WEB_CONCURRENCY) => {
    const env = { REDIS_URL: await startRedis(), WEB_CONCURRENCY }
    const [one, other] = [await Command.serve(env), await Command.serve(env)]
    expect(one.command.output).toMatch(/on {3}.*Redis/)
    const alice = await Client.open(`${ws(one.url)}/introduction/alice`, ['signal.v1'])
    const bob = await Client.open(`${ws(other.url)}/introduction/bob`, ['signal.v1'])
    alice.send({ type: 'Join', join: ['k'] })
    bob.send({ type: 'Join', join: ['k'] })
    expect(await alice.next('Introduction')).toMatchObject({ id: 'bob' })
    expect(await bob.next('Introduction')).toMatchObject({ id: 'alice' })
    const a = await Client.open(`${ws(one.url)}/connection/alice/bob/k`)
    a.send('over the bus')
    const b = await Client.open(`${ws(other.url)}/connection/bob/alice/k`)
    expect((await b.messages.next()).text).toBe('over the bus')
    await Promise.all([a.close(), b.closed])
    expect((await metrics(one.url)).get('signal_redis_up')).toBe(1)
    expect((await one.command.end()).code).toBe(0)
    const { code, stdout } = await other.command.end()
    expect(code).toBe(0)
    expect(stdout).not.toMatch(/redis-(up|down)/)
  })

  test('a Redis that comes late is told of', async () => {
    const port = await freePort()
    const { command, url } = await Command.serve({ REDIS_URL: `redis://127.0.0.1:${port}` })
    await eventually(() => command.output.includes('redis-down'), 'the line that it is not there')
    expect((await metrics(url)).get('signal_redis_up')).toBe(0)
    await startRedis(port)
    await eventually(() => /redis-down[^]*redis-up/.test(command.output), 'the line that it is')
    // what was collected before is the answer for up to a second
    const isUp = async () => (await metrics(url)).get('signal_redis_up') === 1
    await eventually(isUp, 'the gauge')
    const { stdout } = await command.end()
    expect(stdout.match(/redis-(up|down)/g)).toHaveLength(2)
  })
})

test('without a Redis that answers, the command starts, serves its own clients and ends', async () => {
  const { command, url } = await Command.serve({ REDIS_URL: 'redis://127.0.0.1:1' })
  const { code, stdout } = await Command.run(['doctor', url]).ended
  expect(code).toBe(1)
  expect(stdout).toMatch(/does not\s+reach\s+its\s+other\s+instances/)
  expect(stdout).toMatch(/pipe/)
  await eventually(
    () =>
      /redis-down .*cannot be reached \(ECONNREFUSED\).*DEBUG=signal:redis/.test(command.output),
    'the line on Redis',
  )
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
    status: 'starting',
    bus: 'down',
    reason: 'Redis cannot be reached (ECONNREFUSED).',
  })
  expect((await metrics(url)).get('signal_redis_up')).toBe(0)
  expect((await command.end()).code).toBe(0)
})

test('with one, it still ends where its port is busy', async () => {
  const { url } = await Command.serve()
  const { port } = new URL(url)
  const env = { REDIS_URL: 'redis://127.0.0.1:1', PORT: port, HOST: '127.0.0.1' }
  expect((await Command.run([], env).ended).code).toBe(1)
})
