import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, ws } from './harness/command.js'
import { findProgram } from './harness/proxy.js'

const program = findProgram('redis-server')
const missing = program === undefined && !process.env.CI
const title = (text: string) =>
  missing ? `${text} (not run: redis-server is not installed)` : text

/** A Redis of the test's own. */
async function startRedis(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'signal-redis-'))
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const settings = { port: String(port), bind: '127.0.0.1', dir: folder, save: '' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await eventually(() => output.includes('Ready to accept connections'), 'Redis')
  return `redis://127.0.0.1:${port}`
}

describe.skipIf(missing)(title('with REDIS_URL'), () => {
  test('peers of two instances are introduced and piped', async () => {
    const REDIS_URL = await startRedis()
    const [one, other] = [await Command.serve({ REDIS_URL }), await Command.serve({ REDIS_URL })]
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
    expect((await one.command.end()).code).toBe(0)
    expect((await other.command.end()).code).toBe(0)
  })
})

test('without a Redis that answers, the command starts, serves its own clients and ends', async () => {
  const { command, url } = await Command.serve({ REDIS_URL: 'redis://127.0.0.1:1' })
  const { code } = await Command.run(['doctor', url]).ended
  expect(code).toBe(0)
  expect((await command.end()).code).toBe(0)
})

test('with one, it still ends where its port is busy', async () => {
  const { url } = await Command.serve()
  const { port } = new URL(url)
  const env = { REDIS_URL: 'redis://127.0.0.1:1', PORT: port, HOST: '127.0.0.1' }
  expect((await Command.run([], env).ended).code).toBe(1)
})
