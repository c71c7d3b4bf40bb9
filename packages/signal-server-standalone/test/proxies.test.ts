import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, ws } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { findProgram, forInstances, proxies, startProxy } from './harness/proxy.js'
import { redisMissing, startRedis } from './harness/redis.js'

// CI installs them all, so there a missing one is a failure
const mayBeMissing = !process.env.CI
const long = process.env.CI !== undefined || process.env.LONG_TESTS !== undefined

describe.each(proxies)('behind %s, with the configuration that is shipped', (name) => {
  const missing = mayBeMissing && findProgram(name) === undefined
  const title = (text: string) => (missing ? `${text} (not run: ${name} is not installed)` : text)

  test.skipIf(missing)(title('peers are introduced and piped'), async () => {
    const server = await Command.serve({ TRUST_PROXY: '1' })
    const { https, ca } = await startProxy(name, server.url)
    const peers = await Promise.all(
      ['alice', 'bob'].map((id) =>
        Client.open(`${ws(https)}/introduction/${id}`, ['signal.v1'], { ca }),
      ),
    )
    for (const peer of peers) peer.send({ type: 'Join', join: ['k'] })
    expect(await peers[0]!.next('Introduction')).toMatchObject({ id: 'bob' })
    expect(await peers[1]!.next('Introduction')).toMatchObject({ id: 'alice' })

    const a = await Client.open(`${ws(https)}/connection/alice/bob/k`, [], { ca })
    a.send('held')
    const b = await Client.open(`${ws(https)}/connection/bob/alice/k`, [], { ca })
    expect((await b.messages.next()).text).toBe('held')
    const large = Buffer.alloc(3 * 1024 * 1024, name)
    b.send(large)
    expect((await a.messages.next()).bytes.equals(large)).toBe(true)
    await a.close(4001, 'enough')
    expect(await b.closed).toEqual({ code: 4001, reason: 'enough' })
  })

  test.skipIf(missing)(title('the server knows its clients by their own addresses'), async () => {
    const { command, url } = await Command.serve({ TRUST_PROXY: '1' })
    const { https, ca } = await startProxy(name, url)
    // what a client claims itself counts for nothing
    const headers = { 'X-Forwarded-For': '203.0.113.9' }
    const options = { ca, headers, localAddress: '127.0.0.2' }
    await expect(Client.open(`${ws(https)}/nowhere`, [], options)).rejects.toThrow('404')
    await eventually(() => command.output.includes('refused'), 'the line')
    expect(command.output).toMatch(/refused +127\.0\.0\.2 at/)
  })

  test.skipIf(missing)(title('plain HTTP is sent on to HTTPS'), async () => {
    const { url } = await Command.serve({ TRUST_PROXY: '1' })
    const { http } = await startProxy(name, url)
    const { status, headers } = await fetch(http, { redirect: 'manual' })
    expect([301, 308]).toContain(status)
    expect(headers.get('location')).toMatch(/^https:/)
  })

  test.skipIf(missing)(title('the status page is live'), async () => {
    const { url } = await Command.serve({ TRUST_PROXY: '1' })
    const { https, ca } = await startProxy(name, url)
    const text = await new Promise<string>((resolve, reject) => {
      const request = get(`${https}/status`, { ca }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
          if (!body.includes('event: sample')) return
          request.destroy()
          resolve(body)
        })
      })
      request.on('error', reject)
    })
    expect(text).toContain('event: hello')
  })
})

const notBoth = redisMissing || (mayBeMissing && findProgram('caddy') === undefined)
const whyNot = notBoth ? ' (not run: caddy or redis-server is not installed)' : ''

test.skipIf(notBoth)(
  `behind caddy two instances are one server, and clients of one that drains go to the other${whyNot}`,
  async () => {
    const env = { TRUST_PROXY: '1', REDIS_URL: await startRedis() }
    const [one, other] = [await Command.serve(env), await Command.serve(env)]
    const { https, ca } = await startProxy('caddy', one.url, forInstances(one.url, other.url))
    const join = async (n: number) => {
      const options = { ca, localAddress: `127.0.0.${n + 2}` }
      const peer = await Client.open(`${ws(https)}/introduction/p${n}`, ['signal.v1'], options)
      peer.send({ type: 'Join', join: ['k'] })
      return peer
    }
    const peers = await Promise.all(Array.from({ length: 12 }, (_, n) => join(n)))
    const met = ({ seen }: Client) =>
      new Set(seen.flatMap(({ text }) => /"Introduction","id":"(\w+)"/.exec(text)?.[1] ?? [])).size
    await eventually(() => peers.every((peer) => met(peer) === 11), 'all introductions')
    const sockets = async (url: string) => (await metrics(url)).get('signal_sockets')!
    expect(await sockets(one.url)).toBeGreaterThan(0)
    expect(await sockets(other.url)).toBeGreaterThan(0)

    expect((await one.command.end()).code).toBe(0)
    await Promise.all(
      peers.map(async (peer, n) => {
        if (peer.ws.readyState !== peer.ws.OPEN) peers[n] = await join(n)
      }),
    )
    expect(await sockets(other.url)).toBe(12)
  },
)

const noNginx = redisMissing || (mayBeMissing && findProgram('nginx') === undefined)
const whyNoNginx = noNginx ? ' (not run: nginx or redis-server is not installed)' : ''

test.skipIf(noNginx)(
  `behind nginx, with the lines of docs/SCALE.md, both of a pair come to one instance${whyNoNginx}`,
  async () => {
    const env = { TRUST_PROXY: '1', REDIS_URL: await startRedis(), DRAIN_TIMEOUT: '300' }
    const [one, other] = [await Command.serve(env), await Command.serve(env)]
    const scale = readFileSync(new URL('../../../docs/SCALE.md', import.meta.url), 'utf8')
    const lines = /```nginx\n([^]*?)```/
      .exec(scale)![1]!
      .replace('10.0.0.1:8080', new URL(one.url).host)
      .replace('10.0.0.2:8080', new URL(other.url).host)
    const { https, ca } = await startProxy('nginx', one.url, (shipped) =>
      shipped
        .replace(`http://${new URL(one.url).host}`, 'http://signal')
        .replace('map $http_upgrade', (map) => `${lines}\n${map}`),
    )
    for (let n = 0; n < 16; n++) {
      const options = (side: number) => ({ ca, localAddress: `127.0.0.${2 + 2 * n + side}` })
      const a = await Client.open(`${ws(https)}/connection/a%2F${n}/b/k${n}`, [], options(0))
      const b = await Client.open(`${ws(https)}/connection/b/a%2F${n}/k${n}`, [], options(1))
      a.send('x')
      await b.messages.next()
    }
    const counts = await Promise.all([one, other].map(({ url }) => metrics(url)))
    const pipes = counts.map((count) => count.get('signal_connection_pipes')!)
    expect(pipes[0]! + pipes[1]!).toBe(16)
    expect(Math.min(...pipes)).toBeGreaterThan(0)
    for (const count of counts) expect(count.get('signal_connection_remote_pipes')).toBe(0)
  },
)

// the proxies' own time-outs are a minute; two of the server's pings fall into it
const there = proxies.filter((name) => !mayBeMissing || findProgram(name) !== undefined)
const why = long ? '' : ' (not run: CI or LONG_TESTS=1 does)'

test.skipIf(!long)(
  `behind ${there.join(', ')} a minute of idling cuts nothing${why}`,
  { timeout: 90_000 },
  async () => {
    const { url } = await Command.serve({ TRUST_PROXY: '1' })
    const behind = await Promise.all(there.map((name) => startProxy(name, url)))
    const doctors = behind.map(({ https }) => Command.run(['doctor', https, '--long']).ended)
    for (const { stdout } of await Promise.all(doctors)) {
      expect(stdout).toMatch(/✓ idling +after 61 s without a word everything works still/u)
    }
  },
)

describe.skipIf(mayBeMissing && findProgram('nginx') === undefined)('an idle connection', () => {
  /** How long an idle introduction lives behind an nginx that cuts what is silent for 2 s. */
  async function idle(env: Record<string, string>): Promise<Client> {
    const { url } = await Command.serve({ TRUST_PROXY: '1', ...env })
    const impatient = (shipped: string) => shipped.replaceAll('75s', '2s')
    const { https, ca } = await startProxy('nginx', url, impatient)
    return Client.open(`${ws(https)}/introduction/alice`, ['signal.v1'], { ca })
  }

  test('is kept alive by the server’s pings', async () => {
    const client = await idle({ PING_INTERVAL: '500' })
    for (let pings = 0; pings < 6; pings++) {
      await new Promise((resolve, reject) => {
        client.ws.once('ping', resolve)
        client.ws.once('close', reject)
      })
    }
    await client.close()
  })

  test('is cut where the server does not ping in time', async () => {
    const client = await idle({ PING_INTERVAL: '20000' })
    expect((await client.closed).code).toBe(1006)
  })
})
