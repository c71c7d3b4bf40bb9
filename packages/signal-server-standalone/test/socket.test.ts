import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, script, ws } from './harness/command.js'
import { findProgram, startProxy } from './harness/proxy.js'

// CI installs it, so there a missing one is a failure
const noNginx = !process.env.CI && findProgram('nginx') === undefined
const whyNoNginx = noNginx ? ' (not run: nginx is not installed)' : ''

let file: string

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'signal-socket-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  file = join(folder, 's.sock')
})

async function get(path: string): Promise<string> {
  const asked = request({ socketPath: file, path, agent: false }).end()
  const [response] = await once(asked, 'response')
  return text(response)
}

async function listens(env: Record<string, string>): Promise<Command> {
  const command = Command.run([], env)
  await eventually(() => command.output.includes('🐟 Listening at'), 'that it listens', 15_000)
  return command
}

describe('PORT as the path of a Unix socket', () => {
  test('is listened on, and removed at the end', async () => {
    const command = await listens({ PORT: file })
    expect(command.output).toContain(`🐟 Listening at unix:${file}\n`)
    expect(command.output).not.toContain('In your network')
    expect(JSON.parse(await get('/healthz'))).toMatchObject({ status: 'ok' })
    const socket = new WebSocket(`ws+unix:${file}:/introduction/alice`)
    await once(socket, 'open')
    socket.terminate()
    // a proxy runs as another user
    expect(statSync(file).mode & 0o666).toBe(0o666)
    const check = fileURLToPath(new URL('../deploy/healthcheck.mjs', import.meta.url))
    expect(spawnSync(process.execPath, [check], { env: { PORT: file } }).status).toBe(0)
    expect((await command.end()).code).toBe(0)
    expect(existsSync(file)).toBe(false)
    expect(spawnSync(process.execPath, [check], { env: { PORT: file } }).status).toBe(1)
  })

  test('that a killed server has left is listened on again', async () => {
    const killed = await listens({ PORT: file })
    await killed.end('SIGKILL')
    expect(existsSync(file)).toBe(true)
    await listens({ PORT: file })
    expect(JSON.parse(await get('/healthz'))).toMatchObject({ status: 'ok' })
  })

  test('is left alone if a process listens on it, or if it is another file', async () => {
    await listens({ PORT: file })
    const second = await Command.run([], { PORT: file }).ended
    expect(second.stderr).toContain(`${file} is in use already`)
    expect(second.code).toBe(1)
    expect(JSON.parse(await get('/healthz'))).toMatchObject({ status: 'ok' })
    writeFileSync(`${file}.txt`, 'mine')
    expect((await Command.run([], { PORT: `${file}.txt` }).ended).code).toBe(1)
    expect(statSync(`${file}.txt`).size).toBe(4)
  })

  test('that cannot be one is named, with what is the matter', async () => {
    const isFile = `${file}.txt`
    writeFileSync(isFile, '')
    const cases = {
      [isFile]: 'there is a file or folder that is no socket',
      [dirname(file)]: 'there is a file or folder that is no socket',
      [`${isFile}/s.sock`]: 'a part of its path is a file and no folder',
      [`${file}.folder/s.sock`]: 'its folder does not exist',
      // the system would cut the path, and listen on another one
      [`${file}${'x'.repeat(108)}`]: 'The path of a Unix socket has at most',
    }
    for (const [PORT, sentence] of Object.entries(cases)) {
      const { code, stderr } = await Command.run([], { PORT }).ended
      expect(stderr).toContain(sentence)
      expect(stderr).toContain(PORT)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
      expect(code).toBe(1)
    }
  })

  test('takes the address of a client from the proxy that TRUST_PROXY counts, and from no other', async () => {
    const statuses = async (env: Record<string, string>, addresses: string[]) => {
      const limits = { MAX_SOCKETS_PER_ADDRESS: '1', STATUS_PAGE: 'off' }
      const command = await listens({ PORT: file, ...limits, ...env })
      const seen: string[] = []
      const sockets: WebSocket[] = []
      for (const [index, address] of addresses.entries()) {
        const headers = { 'X-Forwarded-For': address }
        const socket = new WebSocket(`ws+unix:${file}:/introduction/peer-${index}`, { headers })
        sockets.push(socket)
        const opened = once(socket, 'open')
        seen.push(
          await opened.then(
            () => 'open',
            (error: Error) => error.message,
          ),
        )
      }
      for (const socket of sockets) socket.terminate()
      await command.end()
      return seen
    }
    const addresses = ['203.0.113.1', '203.0.113.1', '203.0.113.2']
    expect(await statuses({ TRUST_PROXY: '1' }, addresses)).toEqual([
      'open',
      'Unexpected server response: 429',
      'open',
    ])
    expect(await statuses({}, addresses)).toEqual(['open', 'open', 'open'])
  })

  test.each([
    [{ WEB_CONCURRENCY: '2' }, 'WEB_CONCURRENCY must be 1'],
    [{ KEY: 'key.pem', CERT: 'cert.pem' }, 'KEY must not be set'],
    [{ HOST: '127.0.0.1' }, 'HOST must not be set'],
  ])('is refused with %j', async (env, sentence) => {
    const { code, stderr } = await Command.run([], { PORT: file, ...env }).ended
    expect(stderr).toContain(`${sentence} if the server listens on a socket instead of a port.`)
    expect(code).toBe(2)
  })
})

test.skipIf(noNginx)(
  `behind nginx, with the line of docs/DEPLOY.md, a Unix socket is upgraded and piped${whyNoNginx}`,
  async () => {
    const guide = readFileSync(new URL('../../../docs/DEPLOY.md', import.meta.url), 'utf8')
    const [line] = /proxy_pass http:\/\/unix:[^;]*;/.exec(guide)!
    const { command } = await Command.serve({ PORT: file, HOST: '', TRUST_PROXY: '1' })
    const { https, ca } = await startProxy('nginx', 'http://127.0.0.1:9', (shipped) =>
      shipped.replace(/proxy_pass [^;]*;/, line.replace('/run/signal/signal.sock', file)),
    )
    const options = { ca, localAddress: '127.0.0.2' }
    const at = (path: string, protocols: string[] = []) =>
      Client.open(ws(https) + path, protocols, options)

    const peers = await Promise.all(
      ['alice', 'bob'].map((id) => at(`/introduction/${id}`, ['signal.v1'])),
    )
    for (const peer of peers) peer.send({ type: 'Join', join: ['a/b'] })
    expect(await peers[0]!.next('Introduction')).toMatchObject({ id: 'bob', keys: ['a/b'] })

    const a = await at('/connection/alice/bob/a%2Fb')
    a.send('held')
    const b = await at('/connection/bob/alice/a%2Fb')
    expect((await b.messages.next()).text).toBe('held')
    const large = Buffer.alloc(3 * 1024 * 1024, 'nginx')
    b.send(large)
    expect((await a.messages.next()).bytes.equals(large)).toBe(true)
    await a.close(4001, 'enough')
    expect(await b.closed).toEqual({ code: 4001, reason: 'enough' })

    await expect(at('/nowhere')).rejects.toThrow('404')
    await eventually(() => command.output.includes('refused'), 'the line')
    expect(command.output).toMatch(/refused +127\.0\.0\.2 at/)
  },
)

test('a socket that systemd hands over is listened on', async () => {
  const held = createServer()
  held.listen(0, '127.0.0.1')
  await once(held, 'listening')
  onTestFinished(() => void held.close())
  const { port } = held.address() as { port: number }
  const { fd } = (held as unknown as { _handle: { fd: number } })._handle
  // the shell becomes the server, as with systemd the process that LISTEN_PID names
  const command = `HOST=192.0.2.1 LISTEN_FDS=1 LISTEN_PID=$$ exec "${process.execPath}" "${script}"`
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit', fd] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout!.on('data', (data) => (output += String(data)))
  await eventually(() => output.includes('🐟 Listening at'), 'that it listens', 15_000)
  expect(output).toContain(`http://localhost:${port}`)
  connect(port, '127.0.0.1').destroy()
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
})
