import { Redis } from 'ioredis'
import { SignalServer } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RedisBus } from '../src/redis-bus.js'
import { Recovery } from '../src/recovery.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'

/** A server on a bus, and what its `/readyz` answers. */
async function serve(url: string) {
  const bus = new RedisBus(url)
  const server = new SignalServer({ bus })
  onTestFinished(async () => {
    await server.close()
    bus.close()
  })
  const { url: http } = await server.listen({ port: 0, host: '127.0.0.1' })
  const ready = async () => {
    const response = await fetch(`${http}/readyz`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { bus, ready }
}

function admin({ url }: Engine): Redis {
  const client = new Redis(url)
  onTestFinished(() => client.disconnect())
  return client
}

const isUp = (bus: RedisBus) => eventually(() => bus.up, 'the bus to be up')
const isDown = (bus: RedisBus, reason: RegExp) =>
  eventually(
    () => !bus.up && reason.test(bus.reason ?? ''),
    () => `the bus to be down for ${reason}, not: ${bus.reason}`,
  )

describe.runIf(hasEngine)(`row 60: a Redis that answers${withoutEngine}`, () => {
  test('row 60: without the right to publish it is not up, and says why', async () => {
    const engine = await Engine.start()
    const redis = admin(engine)
    const rights = [
      'resetkeys',
      'resetchannels',
      '&signal:*',
      '-@all',
      '+subscribe',
      '+unsubscribe',
    ]
    await redis.acl('SETUSER', 'deaf', 'on', '>password', ...rights, '+ping', '+info')
    const { bus, ready } = await serve(engine.url.replace('//', '//deaf:password@'))
    await isDown(bus, /^Redis refuses PUBLISH \(NOPERM\)\.$/)
    expect(await ready()).toEqual({
      status: 503,
      body: { status: 'starting', bus: 'down', reason: 'Redis refuses PUBLISH (NOPERM).' },
    })
    await redis.acl('SETUSER', 'deaf', '+publish')
    await isUp(bus)
    expect(bus.reason).toBeUndefined()
    expect(await ready()).toEqual({ status: 200, body: { status: 'ready', bus: 'up' } })

    // what works without the bus goes on: the instance stays ready
    await redis.acl('SETUSER', 'deaf', '-publish')
    await isDown(bus, /PUBLISH/)
    expect(await ready()).toEqual({
      status: 200,
      body: { status: 'ready', bus: 'down', reason: 'Redis refuses PUBLISH (NOPERM).' },
    })
    await redis.acl('SETUSER', 'deaf', '+publish')
    await isUp(bus)
  })

  test('row 60: without the right to hear it is not up, and says why', async () => {
    const engine = await Engine.start()
    const rights = ['resetkeys', 'resetchannels', '&other:*', '+@all']
    await admin(engine).acl('SETUSER', 'mute', 'on', '>password', ...rights)
    const { bus, ready } = await serve(engine.url.replace('//', '//mute:password@'))
    await isDown(bus, /^Redis refuses SUBSCRIBE \(NOPERM\)\.$/)
    expect(await ready()).toMatchObject({ status: 503, body: { bus: 'down' } })
  })

  test('row 60: a wrong password is not up, and the reason has neither it nor an address', async () => {
    const engine = await Engine.start(['--requirepass', 'the right one'])
    const { bus, ready } = await serve(engine.url.replace('//', '//:wrong@'))
    await isDown(bus, /WRONGPASS|NOAUTH/)
    const { status, body } = await ready()
    expect(status).toBe(503)
    expect(JSON.stringify(body)).not.toMatch(/wrong@|127\.0\.0\.1/)
  })

  test('row 60: a replica is not up until it is the primary', async () => {
    const primary = await Engine.start()
    const replica = await Engine.start(['--replicaof', '127.0.0.1', String(primary.port)])
    const { bus, ready } = await serve(replica.url)
    await isDown(bus, /is a replica/)
    expect(await ready()).toMatchObject({ status: 503, body: { status: 'starting', bus: 'down' } })
    await admin(replica).replicaof('NO', 'ONE')
    await isUp(bus)
    expect(await ready()).toMatchObject({ status: 200, body: { bus: 'up' } })
  })

  test('row 60: after a failover the old primary carries nothing, and says so', async () => {
    const [primary, next] = [await Engine.start(), await Engine.start()]
    const { bus, ready } = await serve(primary.url)
    await isUp(bus)
    const redis = admin(primary)
    await redis.replicaof('127.0.0.1', next.port)
    await isDown(bus, /is a replica/)
    expect(await ready()).toMatchObject({ status: 200, body: { status: 'ready', bus: 'down' } })
    await redis.replicaof('NO', 'ONE')
    await isUp(bus)
  })
})

describe('row 60: the return of a bus', () => {
  test('row 60: takes one look that works after a first outage, and up to four after several', () => {
    const recovery = new Recovery()
    /** Looks until it is up, after an outage at this second. */
    const looksAfter = (second: number) => {
      recovery.failed(second * 1_000)
      let looks = 1
      while (!recovery.worked()) looks++
      return looks
    }
    expect([0, 10, 20, 30, 40].map(looksAfter)).toEqual([1, 2, 4, 4, 4])
    expect(looksAfter(101)).toBe(1)
  })

  test('row 60: begins again with each look that does not work', () => {
    const recovery = new Recovery()
    for (const at of [0, 1, 2]) recovery.failed(at)
    const looks = ['works', 'works', 'works', 'fails', 'works', 'works', 'works'].map((look) =>
      look === 'works' ? recovery.worked() : recovery.missed(),
    )
    expect(looks).not.toContain(true)
    expect(recovery.worked()).toBe(true)
  })
})
