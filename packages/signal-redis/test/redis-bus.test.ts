import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { Cluster, Redis } from 'ioredis'
import { FaultyProxy, runBusTests } from 'signal-server/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { RedisBus } from '../src/redis-bus.js'
import { makeCertificate } from '../../signal-server-standalone/test/harness/certificate.js'
import { Engine, freePort, hasEngine, startCluster, withoutEngine } from './harness/engine.js'

/** A bus that is up; gone after the test. */
async function open(redis: string | Redis | Cluster): Promise<RedisBus> {
  const bus = new RedisBus(redis)
  onTestFinished(() => bus.close())
  await isUp(bus)
  return bus
}

const isUp = (bus: RedisBus, milliseconds?: number) =>
  eventually(() => bus.up, 'the bus to be up', milliseconds)
const isDown = (bus: RedisBus) => eventually(() => !bus.up, 'the bus to be down')

/** Hears a topic, and says what it heard so far. */
async function hear(bus: RedisBus, topic: string): Promise<string[]> {
  const heard: string[] = []
  await bus.subscribe(topic, (message) => heard.push(message.toString()))
  return heard
}

const has = (heard: string[], what: string) =>
  eventually(() => heard.includes(what), `${what}, not ${heard.join(', ')}`)

/** Somebody has tried several times to connect to an engine. */
async function hasDialled(admin: Redis): Promise<void> {
  const connections = async () =>
    Number(/^total_connections_received:(\d+)/m.exec(await admin.info('stats'))![1])
  const before = await connections()
  await eventually(async () => (await connections()) >= before + 6, 'connections')
}

describe.runIf(hasEngine)(`a bus on Redis${withoutEngine}`, () => {
  runBusTests(test, async () => {
    const { url } = await Engine.start()
    return { buses: await Promise.all([open(url), open(url)]) }
  })

  test('hears a topic again when it subscribes anew, as many times as one likes', async () => {
    const { url } = await Engine.start()
    const bus = await open(url)
    const heard: string[] = []
    for (let n = 0; n < 5; n++) {
      const stop = await within(
        bus.subscribe('t', (message) => heard.push(message.toString())),
        'a subscription',
      )
      bus.publish('t', Buffer.from(`round ${n}`))
      await has(heard, `round ${n}`)
      stop()
    }
    expect(heard).toEqual([0, 1, 2, 3, 4].map((n) => `round ${n}`))
  })

  test('subscribes and unsubscribes ten thousand topics in few commands', async () => {
    const engine = await Engine.start()
    const bus = await open(engine.url)
    const watch = new Redis(engine.url)
    onTestFinished(() => watch.disconnect())
    const commands = async () =>
      Number(/total_commands_processed:(\d+)/.exec(await watch.info())![1])
    const before = await commands()
    const topics = Array.from({ length: 10_000 }, (_, n) => `topic-${n}`)
    const heard: string[] = []
    const stops = await Promise.all(
      topics.map((topic) => bus.subscribe(topic, (message) => void heard.push(String(message)))),
    )
    for (const topic of ['topic-0', 'topic-9999']) bus.publish(topic, Buffer.from(topic))
    await has(heard, 'topic-9999')
    for (const stop of stops) stop()
    const channels = () => watch.call('PUBSUB', 'CHANNELS', 'topic-*') as Promise<string[]>
    await eventually(async () => (await channels()).length === 0, 'all to be unsubscribed')
    expect((await commands()) - before).toBeLessThan(200)
  })

  test('is down before it is up, drops what is published, and tells of each change', async () => {
    const engine = await Engine.start()
    await engine.kill()
    const bus = new RedisBus(engine.url)
    onTestFinished(() => bus.close())
    const changes: boolean[] = []
    const stop = bus.watch((up) => changes.push(up))
    expect(bus.up).toBe(false)
    const heard: string[] = []
    const subscribed = bus.subscribe('t', (message) => heard.push(message.toString()))
    bus.publish('t', Buffer.from('dropped'))
    await engine.run()
    await within(subscribed, 'the subscription')
    await isUp(bus)
    bus.publish('t', Buffer.from('carried'))
    await has(heard, 'carried')
    expect(heard).toEqual(['carried'])
    expect(changes).toEqual([true])
    stop()
    bus.close()
    expect(changes).toEqual([true])
    expect(bus.up).toBe(false)
  })

  test('row 40: is up again, with all its topics, within 10 s of the engine’s return', async () => {
    const engine = await Engine.start()
    const bus = await open(engine.url)
    const heard = await hear(bus, 't')
    const many = Array.from({ length: 3_000 }, (_, n) => hear(bus, `topic-${n}`))
    const all = await Promise.all(many)
    await engine.kill()
    await isDown(bus)
    const later = bus.subscribe('later', (message) => heard.push(message.toString()))
    await engine.run()
    const since = performance.now()
    await isUp(bus)
    expect(performance.now() - since).toBeLessThan(5_000)
    await within(later, 'what was subscribed meanwhile')
    bus.publish('later', Buffer.from('later'))
    bus.publish('t', Buffer.from('again'))
    await has(heard, 'later')
    await has(heard, 'again')
    bus.publish('topic-2999', Buffer.from('too'))
    await has(all[2_999]!, 'too')
  })

  test('row 40: is down while the engine stands still, with bounded queues, and up when it goes on', async () => {
    const engine = await Engine.start()
    const bus = await open(engine.url)
    const heard = await hear(bus, 't')
    engine.freeze()
    const megabyte = Buffer.alloc(1024 * 1024)
    const before = process.memoryUsage().rss
    let published = 0
    while (bus.up && published < 1_000) {
      bus.publish('elsewhere', megabyte)
      published++
    }
    // more than this it does not keep for an engine that takes nothing
    expect(published).toBeLessThan(40)
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    engine.thaw()
    await isUp(bus)
    engine.freeze()
    const since = performance.now()
    await isDown(bus)
    expect(performance.now() - since).toBeLessThan(4_000)
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    engine.thaw()
    await isUp(bus)
    bus.publish('t', Buffer.from('again'))
    await has(heard, 'again')
  })

  test('row 40: dials anew where the connection has gone mute', async () => {
    const engine = await Engine.start()
    const proxy = await FaultyProxy.open({ port: engine.port })
    onTestFinished(() => proxy.close())
    const bus = await open(`redis://127.0.0.1:${proxy.port}`)
    const heard = await hear(bus, 't')
    proxy.cut()
    await isDown(bus)
    await isUp(bus, 10_000)
    bus.publish('t', Buffer.from('again'))
    await has(heard, 'again')
    proxy.reset()
    await isDown(bus)
    await isUp(bus)
    bus.publish('t', Buffer.from('after a reset'))
    await has(heard, 'after a reset')
  })

  test('keeps deployments that share an engine apart by a prefix', async () => {
    const { url } = await Engine.start()
    const staging = await open(`${url}?keyPrefix=staging:`)
    const other = await open(`${url}?keyPrefix=staging:`)
    const production = await open(url)
    const [a, b, c] = await Promise.all([staging, other, production].map((bus) => hear(bus, 't')))
    staging.publish('t', Buffer.from('test'))
    production.publish('t', Buffer.from('real'))
    await Promise.all([has(a!, 'test'), has(b!, 'test'), has(c!, 'real')])
    expect([a, b, c]).toEqual([['test'], ['test'], ['real']])
  })

  test('takes a client of the app’s, and leaves it alone', async () => {
    const engine = await Engine.start(['--requirepass', 'a password'])
    const client = new Redis(engine.url, { password: 'a password', lazyConnect: true })
    const bus = await open(client)
    const heard = await hear(bus, 't')
    bus.publish('t', Buffer.from('yes'))
    await has(heard, 'yes')
    expect(client.status).toBe('wait')
    await client.connect()
    await client.set('key', 'value')
    bus.close()
    expect(await client.get('key')).toBe('value')
    client.disconnect()
    expect((await open(engine.url.replace('//', '//:a%20password@'))).up).toBe(true)
  })

  test('stays down where the engine lets nobody in, and says why on DEBUG only', async () => {
    const engine = await Engine.start(['--requirepass', 'secret'])
    const admin = new Redis(engine.url, { password: 'secret' })
    onTestFinished(() => admin.disconnect())
    const bus = new RedisBus(engine.url)
    onTestFinished(() => bus.close())
    await hasDialled(admin)
    expect(bus.up).toBe(false)
  })

  test('delivers what was published just before it was closed', async () => {
    const { url } = await Engine.start()
    const [one, other] = await Promise.all([open(url), open(url)])
    const heard = await hear(other, 't')
    for (let n = 0; n < 100; n++) one.publish('t', Buffer.from(`${n}`))
    one.close()
    await has(heard, '99')
    expect(heard.length).toBe(100)
  })

  test('needs no more rights than the README says, and is kept to them', async () => {
    const engine = await Engine.start()
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const [, user, password, rules] = /^ACL SETUSER (\w+) on >(\S+) (.*)$/m.exec(readme)!
    const admin = new Redis(engine.url)
    onTestFinished(() => admin.disconnect())
    await admin.call('ACL', 'SETUSER', user!, 'on', `>${password}`, ...rules!.split(' '))
    const url = engine.url.replace('//', `//${user}:${password}@`)
    const [one, other] = await Promise.all([open(url), open(url)])
    const heard = await hear(other, 'signal:all')
    one.publish('signal:all', Buffer.from('allowed'))
    await has(heard, 'allowed')

    const bare = new Redis(url)
    onTestFinished(() => bare.disconnect())
    for (const command of [
      ['GET', 'k'],
      ['PUBLISH', 'other', 'm'],
      ['CONFIG', 'GET', 'save'],
    ]) {
      await expect(bare.call(...(command as [string, string]))).rejects.toThrow('NOPERM')
    }
  })

  test('speaks TLS', async () => {
    const { key, cert, ca } = makeCertificate()
    const port = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    const tls = ['--tls-port', String(port), '--port', '0', '--tls-auth-clients', 'no', ...files]
    await Engine.start(tls, port)
    const url = `rediss://127.0.0.1:${port}`
    const bus = await open(new Redis(url, { tls: { ca }, lazyConnect: true }))
    const heard = await hear(bus, 't')
    bus.publish('t', Buffer.from('secret'))
    await has(heard, 'secret')
    // nobody's word is taken for who it is
    let dialled = 0
    const proxy = createServer((socket) => {
      dialled++
      pipeline(socket, connect(port), socket, () => {})
    })
    onTestFinished(() => void proxy.close())
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const trusting = new RedisBus(`rediss://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    onTestFinished(() => trusting.close())
    await eventually(() => dialled >= 6, 'several connections')
    expect(trusting.up).toBe(false)
  })

  test(
    'takes a Cluster: what is published on one node is heard on all, also when one has died',
    { timeout: 60_000 },
    async () => {
      const engines = await startCluster()
      const make = () => {
        const cluster = new Cluster([{ host: '127.0.0.1', port: engines[2]!.port }])
        cluster.on('error', () => {})
        onTestFinished(() => cluster.disconnect())
        return cluster
      }
      const [one, other] = await Promise.all([open(make()), open(make())])
      const heard = await hear(other, 't')
      const numbers = Array.from({ length: 3_000 }, (_, n) => String(n))
      await eventually(async () => {
        one.publish('t', Buffer.from('first'))
        await new Promise((resolve) => setTimeout(resolve, 50))
        return heard.length > 0
      }, 'the nodes to know each other')
      heard.length = 0
      for (const number of numbers) one.publish('t', Buffer.from(number))
      await has(heard, '2999')
      expect(heard.filter((text) => text !== 'first')).toEqual(numbers)

      for (const [number, engine] of engines.entries()) {
        await engine.kill()
        const word = `without node ${number}`
        await eventually(
          async () => {
            one.publish('t', Buffer.from(word))
            await new Promise((resolve) => setTimeout(resolve, 50))
            return heard.includes(word)
          },
          'the bus to be up on the nodes that live',
          20_000,
        )
        await engine.run()
      }
    },
  )
})
