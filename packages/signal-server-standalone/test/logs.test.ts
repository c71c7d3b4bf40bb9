import { createHmac } from 'node:crypto'
import { SignalServer, Tokens, type Stats } from 'signal-server'
import { expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { workOf } from '../../signal-server/test/harness/work.js'
import { Logs } from '../src/logs.js'
import { Command, ws, type Server } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { introduced, pair } from './harness/peers.js'
import { freePort } from './harness/redis.js'

const secret = 'correct horse battery staple 123'

/** Everything that a log must not have, and what it has instead. */
async function busy({ url, command }: Server) {
  const peers = await introduced(url, 'key-that-is-secret')
  const pipe = await pair(url)
  pipe[0].send('content that is secret')
  await pipe[1].messages.next()
  await expect(Client.open(`${ws(url)}/nowhere/alice`)).rejects.toThrow('404')
  for (const client of [...peers, ...pipe]) await client.close()
  await eventually(() => /unpair/.test(command.output), 'the last line')
  return command.end()
}

test('one line an event, without ids, keys or content', async () => {
  const { stdout, stderr, code } = await busy(await Command.serve())
  expect([code, stderr]).toEqual([0, ''])
  const printed = stdout.trimEnd().split('\n')
  // the banner ends with what is off
  const lines = printed.slice(printed.findIndex((line) => /^\d{4}-/.test(line)))
  for (const line of lines) {
    expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}(info|warning|error) +[a-z-]+ +\S/)
    // the zone is that of the machine
    expect(Math.abs(Date.parse(line.slice(0, 19)) - Date.now())).toBeLessThan(60_000)
  }
  const events = lines.map((line) => line.split(/ +/)[3])
  for (const event of ['session', 'introduction', 'pair', 'unpair', 'departure', 'session-end']) {
    expect(events, event).toContain(event)
  }
  expect(lines.find((line) => line.includes('refused'))).toMatch(
    /127\.0\.0\.1 at \/nowhere\/…: 404 not_found$/,
  )
  expect(events.slice(-2)).toEqual(['draining', 'closed'])
  expect(stdout).not.toMatch(/alice|bob|raccoon|secret/)
})

test('JSON where it is asked for, and nothing else', async () => {
  const { stdout, stderr } = await busy(await Command.serve({ LOG_FORMAT: 'json' }))
  expect(stderr).toBe('')
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines[0]).toMatchObject({ event: 'listening', url: expect.stringMatching(/^http:/) })
  for (const { time, level } of lines) {
    expect(new Date(time as string).toISOString()).toBe(time)
    expect(level).toBe('info')
  }
  const found = (event: string) => lines.find((line) => line['event'] === event)
  const { peers } = found('pair') as { peers: string[] }
  expect(found('unpair')).toMatchObject({ peers, outcome: 'pipe_closed' })
  expect(new Set(lines.filter(({ event }) => event === 'session').map(({ peer }) => peer))).toEqual(
    new Set(peers),
  )
  expect(found('refused')).toMatchObject({ status: 404, code: 'not_found', path: '/nowhere/…' })
  expect(stdout).not.toMatch(/alice|bob|raccoon|secret/)
})

test.each([
  ['info', ['session', 'proxy', 'redis-down']],
  ['warning', ['proxy', 'redis-down']],
  ['error', ['redis-down']],
])('LOG_LEVEL=%s writes lines of this level and above', async (LOG_LEVEL, expected) => {
  const causes = ['session', 'proxy', 'redis-down']
  // no Redis listens there
  const REDIS_URL = `redis://127.0.0.1:${await freePort()}`
  const { command, url } = await Command.serve({ LOG_LEVEL, REDIS_URL })
  await (await fetch(url, { headers: { 'X-Forwarded-For': '203.0.113.9' } })).text()
  const alice = await Client.open(`${ws(url)}/introduction/alice`)
  await alice.close()
  await eventually(() => command.output.includes('redis-down'), 'the last line', 15_000)
  const { stdout } = await command.end()
  const lines = stdout.matchAll(/^\d{4}-\S+ \S+ {2}(\w+) +(\S+) /gm)
  const written = Array.from(lines, ([, level, event]) => [level, event] as const)
  const levels = ['info', 'warning', 'error']
  for (const [level, event] of written) {
    expect(levels.indexOf(level!), event).toBeGreaterThanOrEqual(levels.indexOf(LOG_LEVEL))
  }
  const events = written.map(([, event]) => event).filter((event) => causes.includes(event!))
  expect(new Set(events)).toEqual(new Set(expected))
})

test('LOG_LEVEL counts for each worker as well, and for JSON', async () => {
  const env = { WEB_CONCURRENCY: '2', LOG_LEVEL: 'warning' }
  const port = String(await freePort())
  // the line that it listens is left out, too
  const command = Command.run([], { ...env, HOST: '127.0.0.1', PORT: port, LOG_FORMAT: 'json' })
  const url = `http://127.0.0.1:${port}`
  const headers = { 'X-Forwarded-For': '203.0.113.9' }
  const answers = async () => (await fetch(url, { headers }).catch(() => undefined))?.ok === true
  await eventually(answers, 'a server that listens', 30_000)
  for (const client of await introduced(url)) await client.close()
  await eventually(() => command.output.includes('"proxy"'), 'the line')
  const { stdout } = await command.end()
  const lines = stdout.trimEnd().split('\n')
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 'warning' })
  expect(lines.length).toBeLessThanOrEqual(2)
})

test.each(['text', 'json'])('row 47: no token is ever in a log (%s)', async (LOG_FORMAT) => {
  const { command, url } = await Command.serve({
    APP_SECRET: secret,
    APP_PASS: 'the password',
    LOG_FORMAT,
    DEBUG: 'signal:*',
  })
  const tokens = new Tokens({ secret })
  const [good, expired, forged] = await Promise.all([
    tokens.issue({ app: 'chat' }),
    tokens.issue({ app: 'chat', expiresIn: 0.001 }),
    new Tokens({ secret: `${secret}!` }).issue({ app: 'chat' }),
  ])
  const attempts = [good, expired, forged].flatMap((token) => {
    const bearer = { headers: { Authorization: `Bearer ${token}` } }
    return [
      Client.open(`${ws(url)}/t/${token}/introduction/alice`, ['signal.v1']),
      Client.open(`${ws(url)}/introduction/alice`, ['signal.v1', `signal.token.${token}`]),
      Client.open(`${ws(url)}/introduction/alice`, [], bearer),
      Client.open(`${ws(url)}/t/${token}/nowhere`),
      Client.open(`${ws(url)}/t/${token}`),
      Client.open(`${ws(url)}/introduction/%zz?token=${token}`),
      fetch(`${url}/t/${token}/introduction/alice`),
      fetch(`${url}/t/${token}/nowhere`),
      fetch(`${url}/ice-servers`, bearer),
      fetch(`${url}/app`, {
        method: 'DELETE',
        body: new URLSearchParams({ token, password: 'wrong' }),
      }),
    ]
  })
  const results = await Promise.allSettled<unknown>(attempts)
  const clients = results.flatMap((result) =>
    result.status === 'fulfilled' && result.value instanceof Client ? [result.value] : [],
  )
  expect(clients).toHaveLength(3)
  const issued = await fetch(`${url}/app`, {
    method: 'POST',
    body: new URLSearchParams({ app: 'chat', password: 'the password' }),
  })
  const { response } = (await issued.json()) as { response: { token: string } }
  await Promise.all(clients.map((client) => client.close()))
  const { stdout, stderr } = await command.end()
  expect(stderr).toContain('signal:upgrade')
  const everything = stdout + stderr
  for (const token of [good, expired, forged, response.token]) {
    const [, payload, signature] = token.split('.')
    expect(everything).not.toContain(signature)
    expect(everything).not.toContain(payload)
  }
  for (const word of [secret, 'the password']) expect(everything).not.toContain(word)
})

test('row 57: tokens given out and taken back, and wrong passwords, are logged and counted', async () => {
  const { command, url } = await Command.serve({
    APP_SECRET: secret,
    APP_PASS: 'the password',
    LOG_FORMAT: 'json',
  })
  const ask = async (method: string, fields: Record<string, string>) => {
    const response = await fetch(`${url}/app`, { method, body: new URLSearchParams(fields) })
    return ((await response.json()) as { response: Record<string, string> | null }).response
  }
  const { token = '' } = (await ask('POST', { app: 'chat', password: 'the password' }))!
  const { revoked } = (await ask('DELETE', { token, password: 'the password' }))!
  for (let n = 0; n < 12; n++) await ask('POST', { app: 'chat', password: 'guess' })
  const counted = await metrics(url)
  const outcome = (name: string) => counted.get(`signal_outcomes_total{outcome="${name}"}`)
  expect(
    ['token_issued', 'token_revoked', 'wrong_password', 'password_throttled'].map(outcome),
  ).toEqual([1, 1, 10, 2])
  const { stdout } = await command.end()
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const of = (event: string) => lines.filter((line) => line.event === event)
  const address = '127.0.0.1'
  expect(of('token-issued')).toMatchObject([{ address, app: 'chat', token: revoked }])
  expect(of('token-revoked')).toMatchObject([{ address, app: 'chat', token: revoked }])
  expect(of('wrong-password')).toHaveLength(10)
  expect(stdout).not.toContain(token)
})

test('a flood does not fill the disk: 200 lines a second, and how many were left out', async () => {
  const lines: string[] = []
  const logs = new Logs('json', {}, (text) => lines.push(text))
  for (let i = 0; i < 1_000; i++) {
    logs.draining(`SIG${i}`, { endpoints: {} } as Stats)
  }
  expect(lines).toHaveLength(200)
  await eventually(() => lines.length === 201, 'the line that says so')
  expect(JSON.parse(lines[200]!)).toMatchObject({ event: 'left-out', lines: 800 })
})

test('row 52: a line that is left out costs next to nothing', () => {
  const server = new SignalServer()
  const logs = new Logs('text', {}, () => {})
  logs.follow(server)
  const ids: [string, string] = ['one peer', 'another peer']
  const introduce = () => server.emit('introduction', { app: '', ids, keys: ['a key'] })
  for (let n = 0; n < 200; n++) introduce()
  const many = (act: () => unknown) => () => {
    for (let n = 0; n < 20_000; n++) act()
  }
  // one name of the four in a line
  const name = workOf(many(() => createHmac('sha256', 'a salt').update(ids[0]).digest('hex')))
  expect(workOf(many(introduce))).toBeLessThan(name)
})

test('a proxy that nobody named is spoken of once', async () => {
  const { command, url } = await Command.serve()
  const forwarded = { headers: { 'X-Forwarded-For': '192.0.2.1' } }
  for (let i = 0; i < 3; i++) await fetch(`${url}/healthz`, forwarded)
  const { stdout } = await command.end()
  expect(stdout.match(/set TRUST_PROXY/g)).toHaveLength(1)
})

test('a proxy that was named is not spoken of', async () => {
  const { command, url } = await Command.serve({ TRUST_PROXY: '1' })
  await fetch(`${url}/healthz`, { headers: { 'X-Forwarded-For': '192.0.2.1' } })
  expect((await command.end()).stdout).not.toContain('TRUST_PROXY')
})
