import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'
import { findProgram } from './proxy.js'

const program = findProgram('redis-server')

/** Whether tests that need a Redis cannot run; in CI they must. */
export const redisMissing = program === undefined && !process.env.CI

/** A title that says why a test did not run. */
export const redisTitle = (text: string): string =>
  redisMissing ? `${text} (not run: redis-server is not installed)` : text

/** A port of which nobody has heard yet. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A Redis of the test's own. */
export async function startRedis(port?: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'signal-redis-'))
  port ??= await freePort()
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
