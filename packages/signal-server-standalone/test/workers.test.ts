import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Tokens } from 'signal-server'
import { describe, expect, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { parseCommandLine } from '../src/command-line.js'
import { settingsFrom } from '../src/settings.js'
import { makeCertificate } from './harness/certificate.js'
import { Command, ws } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { introduced } from './harness/peers.js'
import { sampleIn, view } from './harness/viewer.js'

// pipes are left open at the end of tests
const two = { WEB_CONCURRENCY: '2', DRAIN_TIMEOUT: '300' }

/** Whether a process runs: one that has ended may stay in the table until the first process looks. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes that a command has started. */
const workersOf = ({ child: { pid } }: Command): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)

/** So many pairs, of which each worker gets some. */
async function pairs(url: string, count: number, ca?: Buffer): Promise<[Client, Client][]> {
  const all: [Client, Client][] = []
  for (let n = 0; n < count; n++) {
    const options = ca ? { ca } : {}
    const a = await Client.open(`${ws(url)}/connection/a${n}/b${n}/k`, [], options)
    const b = await Client.open(`${ws(url)}/connection/b${n}/a${n}/k`, [], options)
    a.send(`for ${n}`)
    expect((await b.messages.next()).text).toBe(`for ${n}`)
    all.push([a, b])
  }
  return all
}

describe('two workers', () => {
  test('are one server: peers of both meet, and whoever answers counts all', async () => {
    const { command, url } = await Command.serve(two)
    expect(command.output).toMatch(/^🐟 Listening at http:\/\/127\.0\.0\.1:\d+\n/u)
    expect(command.output).toMatch(/on {3}workers \(2\), /)
    expect(workersOf(command)).toHaveLength(2)
    await introduced(url)
    await pairs(url, 8)

    const counted = await metrics(url)
    expect(counted.get('signal_sockets')).toBe(18)
    expect(counted.get('signal_introduction_sessions')).toBe(2)
    expect(counted.get('signal_connection_pipes')).toBe(8)
    expect(counted.get('signal_connection_remote_pipes')).toBe(0)
    expect(counted.get('signal_piped_messages_total')).toBe(8)
    expect(counted.get('signal_outcomes_total{outcome="paired"}')).toBe(8)
    expect(counted.get('signal_pairing_seconds_count')).toBe(8)
    expect(counted.get('signal_ready')).toBe(1)
    expect([...counted.keys()].filter((name) => name.startsWith('signal_build'))).toHaveLength(1)

    const { events } = await view(url)
    await events.next()
    await eventually(async () => sampleIn(await events.next()).pipes === 8, 'eight pipes')
    for (const path of ['/healthz', '/readyz']) expect((await fetch(url + path)).status).toBe(200)
    expect((await command.end()).code).toBe(0)
  })

  test('are two still after one was killed, and what it had counted stays', async () => {
    const { command, url } = await Command.serve({ ...two, LOG_FORMAT: 'json' })
    const all = await pairs(url, 12)
    const before = await metrics(url)
    const [victim, other] = workersOf(command)
    process.kill(victim!, 'SIGKILL')
    await eventually(() => /"event":"replaced"/.test(command.output), 'the line that says so')
    const line = command.output.split('\n').find((text) => text.includes('"replaced"'))!
    expect(JSON.parse(line)).toMatchObject({ worker: 0, pid: victim, why: 'SIGKILL' })
    await eventually(
      async () =>
        (await metrics(url)).get('process_open_fds')! > 0 && workersOf(command).length === 2,
      'another one',
    )
    expect(workersOf(command)).toContain(other)
    const after = await metrics(url)
    const total = 'signal_piped_messages_total'
    expect(after.get(total)).toBe(before.get(total))
    expect(after.get('signal_pairing_seconds_count')).toBe(12)
    const open = all.filter(([a]) => a.ws.readyState === a.ws.OPEN)
    expect(open.length).toBeGreaterThan(0)
    expect(open.length).toBeLessThan(12)
    expect(after.get('signal_sockets')).toBe(2 * open.length)
    for (const [a, b] of open) {
      a.send('still here')
      expect((await b.messages.next()).text).toBe('still here')
      await a.close()
    }
    await pairs(url, 8)
    expect((await command.end()).code).toBe(0)
  })

  test('leave it to the first process when to end, for Ctrl-C goes to all', async () => {
    const { command, url } = await Command.serve({ WEB_CONCURRENCY: '2' })
    const [[a, b]] = (await pairs(url, 1)) as [[Client, Client]]
    for (const pid of workersOf(command)) process.kill(pid, 'SIGINT')
    command.child.kill('SIGINT')
    await eventually(() => command.output.includes('draining'), 'the drain')
    a.send('the last word')
    expect((await b.messages.next()).text).toBe('the last word')
    await a.close()
    const { code, stdout } = await within(command.ended, 'the end')
    expect(code).toBe(0)
    expect(stdout).toMatch(/draining .*; 1 pipe may end/)
    expect(stdout.match(/^\S+ \S+ {2}info +closed /gm)).toHaveLength(1)
  })

  test('end with the process that started them, whatever ends it', async () => {
    const { command, url } = await Command.serve(two)
    const [[a]] = (await pairs(url, 1)) as [[Client, Client]]
    const workers = workersOf(command)
    await command.end('SIGKILL')
    expect((await a.closed).code).toBe(1006)
    await expect(fetch(url)).rejects.toThrow()
    await eventually(() => !workers.some(runs), 'their ends')
  })

  test('call a peer the same in their logs, and say which of them they are', async () => {
    const { command, url } = await Command.serve({ ...two, LOG_FORMAT: 'json' })
    for (let n = 0; n < 4; n++) {
      const alice = await Client.open(`${ws(url)}/introduction/alice`, ['signal.v1'])
      await alice.next('Welcome')
      await alice.close()
    }
    await eventually(() => command.output.split('"session-end"').length === 5, 'the lines')
    const { stdout } = await command.end()
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; worker: number; peer: string })
    const sessions = lines.filter(({ event }) => event === 'session')
    expect(new Set(sessions.map(({ worker }) => worker))).toEqual(new Set([0, 1]))
    expect(new Set(sessions.map(({ peer }) => peer)).size).toBe(1)
    expect(lines.filter(({ event }) => event === 'listening')).toHaveLength(1)
  })

  test('revoke a token together, and one that comes later knows of it', async () => {
    const secret = 'correct horse battery staple 123'
    const { command, url } = await Command.serve({ ...two, APP_SECRET: secret, APP_PASS: 'pass' })
    const token = await new Tokens({ secret }).issue({ app: 'chat' })
    const base = `${ws(url)}/t/${token}`
    const peers = [
      await Client.open(`${base}/introduction/alice`),
      await Client.open(`${base}/introduction/bob`),
    ]
    const body = new URLSearchParams({ token, password: 'pass' })
    expect((await fetch(`${url}/app`, { method: 'DELETE', body })).status).toBe(200)
    for (const peer of peers) expect((await peer.closed).code).toBe(4401)
    for (const pid of workersOf(command)) process.kill(pid, 'SIGKILL')
    await eventually(() => command.output.split('replaced').length === 3, 'both replaced')
    for (let n = 0; n < 4; n++) {
      await expect(Client.open(`${base}/introduction/carol`)).rejects.toThrow('401')
    }
    await command.end()
  })

  test('give each request to the one where it belongs, also where a client keeps its connection', async () => {
    const { command, url } = await Command.serve({ ...two, APP_SECRET: 'x'.repeat(32) })
    // the page is another worker's than socket.io, for some paths at least
    for (const path of ['/', '/healthz', '/readyz', '/metrics', '/status-of-nothing']) {
      const page = await fetch(url + path)
      await page.text()
      const polling = `${url}/socket.io/?EIO=4&transport=polling`
      const { sid } = JSON.parse((await (await fetch(polling)).text()).slice(1)) as { sid: string }
      const sent = await fetch(`${polling}&sid=${sid}`, { method: 'POST', body: '40' })
      expect([path, sent.status]).toEqual([path, 200])
    }
    await command.end()
  })

  test('log that they drain, and that all have ended', async () => {
    const { command } = await Command.serve(two)
    const { stdout } = await command.end()
    expect(stdout).toMatch(/draining .*; 0 pipes may end[^]*closed/)
  })

  test('share what is limited in all', async () => {
    const { command, url } = await Command.serve({ ...two, MAX_SOCKETS: '4' })
    const open = () => Client.open(`${ws(url)}/introduction/alice`)
    const four = [await open(), await open(), await open(), await open()]
    await expect(open()).rejects.toThrow('503')
    for (const client of four) await client.close()
    await command.end()
  })

  test('speak TLS, and pipe what they cannot bring together', async () => {
    const { key, cert, ca } = makeCertificate()
    const { command, url } = await Command.serve({ ...two, KEY: key, CERT: cert })
    expect(url).toMatch(/^https:/)
    for (const [a, b] of await pairs(url, 3, ca)) {
      a.send(Buffer.alloc(300_000, 1))
      expect((await b.messages.next()).bytes).toHaveLength(300_000)
      await (await Client.open(`${ws(url)}/introduction/between`, [], { ca })).close()
    }
    // the clients of a protocol are dealt out as well
    const callers = await Promise.all(
      [1, 2, 3, 4].map(() => Client.open(`${ws(url)}/relay-ws`, [], { ca })),
    )
    await eventually(async () => {
      callers[0]!.send({ type: 'ls' })
      return ((await callers[0]!.next('ls'))['peers'] as string[]).length === 3
    }, 'all others')
    expect((await command.end()).code).toBe(0)
  })
})

test('WEB_CONCURRENCY=auto is one process a core', () => {
  const { workers } = settingsFrom(parseCommandLine([]), { WEB_CONCURRENCY: 'auto' })
  expect(workers).toBe(availableParallelism())
})
