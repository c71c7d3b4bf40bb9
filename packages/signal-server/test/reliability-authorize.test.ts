import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import express from 'express'
import { SignalServer, type SignalServerOptions } from 'signal-server'
import { handshake } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { RawSocket } from './harness/raw-socket.js'

/** A server that is mounted into an app, and asks a hook which answers when the test says so. */
async function mounted(options: SignalServerOptions) {
  const waiting: (() => void)[] = []
  let asked = 0
  const authorize = () => {
    asked++
    return new Promise<boolean>((resolve) => waiting.push(() => resolve(true)))
  }
  const signal = new SignalServer({ authorize, ...options })
  const app = express()
  const server = createServer(app)
  signal.mount(app, server, '/signal')
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const decide of waiting) decide()
    server.closeAllConnections()
    server.close()
    await signal.close()
  })
  const { port } = server.address() as { port: number }
  const get = (path: string) => fetch(`http://127.0.0.1:${port}/signal${path}`)
  return { signal, port, get, waiting, asked: () => asked }
}

describe('row 58: a plain GET that asks authorize', () => {
  test.each(['/introduction/alice', '/connection/a/b/k', '/ice-servers'])(
    'for %s counts against the rate of upgrades',
    async (path) => {
      const { get, asked } = await mounted({ maxUpgradesPerSecond: 5, authorizeTimeout: 50 })
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(path)))
      const statuses = answers.map(({ status }) => status)
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(8)
      expect(asked()).toBeLessThanOrEqual(10)
      expect(answers.find(({ status }) => status === 429)!.headers.get('retry-after')).toBe('1')
    },
  )

  test('counts as a socket while the hook works', async () => {
    const { signal, get, waiting, asked } = await mounted({ maxSocketsPerAddress: 3 })
    const first = Array.from({ length: 3 }, () => get('/introduction/alice'))
    await eventually(() => asked() === 3, 'three questions')
    expect((await get('/introduction/bob')).status).toBe(429)
    expect(asked()).toBe(3)
    for (const decide of waiting.splice(0)) decide()
    for (const answer of await Promise.all(first)) expect(answer.status).toBe(426)
    await eventually(() => signal.stats().connections === 0, 'none left')
  })

  test('gives its place back if its connection is upgraded before the answer', async () => {
    const { signal, port, waiting, asked } = await mounted({})
    const raw = await RawSocket.open(port)
    const question = 'GET /signal/introduction/alice HTTP/1.1\r\nHost: x\r\n\r\n'
    raw.write(question + question + handshake('/signal/introduction/alice'))
    await eventually(() => asked() === 3, 'three questions')
    raw.reset()
    await raw.closed
    for (const decide of waiting.splice(0)) decide()
    await eventually(() => signal.stats().connections === 0, 'none left')
  })
})

/** What a process says that runs a server whose hook does this. */
function warnings(hook: string, options = ''): string {
  const script = `
    import { SignalServer } from 'signal-server'
    const server = new SignalServer({ authorize: ${hook}, ${options} })
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    for (const id of ['a', 'b', 'c']) {
      const headers = { cookie: 'user=alice', origin: 'https://app.example' }
      const { status } = await fetch('http://127.0.0.1:' + port + '/introduction/' + id, { headers })
      if (status !== 426) throw new Error('answered with ' + status)
    }
    await server.close()
  `
  const args = ['--input-type=module', '-e', `${script}`]
  const shell = ['-c', '"$0" "$@" 2>&1', process.execPath, ...args]
  return execFileSync('/bin/sh', shell, { encoding: 'utf8', cwd: import.meta.dirname })
}

describe('row 58: an authorize hook', () => {
  const reads = "({ headers }) => headers.cookie === 'user=alice'"
  const code = 'SIGNAL_COOKIES_WITHOUT_ORIGINS'

  test('that reads cookies without origins is warned of once', () => {
    const said = warnings(reads)
    expect(said).toContain('SecurityWarning')
    expect(said.split(code).length).toBe(2)
  })

  test('that reads cookies with origins is not', () => {
    expect(warnings(reads, "origins: ['https://app.example']")).toBe('')
  })

  test('that reads no cookies is not', () => {
    expect(warnings('({ headers }) => headers.host !== undefined')).toBe('')
  })
})
