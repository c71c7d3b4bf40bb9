import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'signal-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'

const script = fileURLToPath(new URL('../dist/app.js', import.meta.url))
let app: ChildProcessWithoutNullStreams
let url: string

beforeAll(async () => {
  app = spawn(process.execPath, [script], { env: { ...process.env, PORT: '0' } })
  const [line] = (await once(createInterface({ input: app.stdout }), 'line')) as [string]
  url = line.replace(/^.*(?=http)/, '')
})

afterAll(() => void app.kill())

it("keeps the app's own page", async () => {
  expect(await (await fetch(url)).text()).toContain('The app that was here before')
})

it('keeps the WebSocket route that express-ws serves', async () => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  await once(socket, 'open')
  socket.send('hello')
  expect(String(((await once(socket, 'message')) as [Buffer])[0])).toBe('echo: hello')
  socket.close()
})

it('shows the fish where the signal server is mounted', async () => {
  expect(await (await fetch(`${url}/signal`)).text()).toContain('🐟')
})

it('introduces and connects two clients below the mount', async () => {
  const clients = ['alice', 'bob'].map(
    (id) => new Client({ url: `${url}/signal`, id, keys: ['k'] }),
  )
  const sockets = await Promise.all(
    clients.map((client) => new Promise((resolve) => client.on('peer', (_, __, s) => resolve(s)))),
  )
  const [alice, bob] = sockets as WebSocket[]
  const arrived = new Promise((resolve) => {
    bob!.onmessage = ({ data }) => resolve(data)
  })
  alice!.send('hello')
  expect(await arrived).toBe('hello')
  await Promise.all(clients.map((client) => client.close()))
})

it('says in a sentence that its port is busy', async () => {
  const { port } = new URL(url)
  const second = spawn(process.execPath, [script], { env: { ...process.env, PORT: port } })
  let stderr = ''
  second.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(second, 'close')) as [number]
  expect(code).toBe(1)
  expect(stderr).toBe('The port is in use already: choose another one with PORT=3001.\n')
})

it('leaves nothing running when npm is killed', async () => {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  // what npm does: a shell that starts the script of the package
  const shell = spawn('sh', ['-c', 'node ../../scripts/example.mjs dist/app.js; true'], {
    cwd: folder,
    env: { ...process.env, PORT: '0', npm_lifecycle_event: 'start' },
  })
  const lines = createInterface({ input: shell.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  const own = line.replace(/^.*(?=http)/, '')
  expect((await fetch(own)).status).toBe(200)
  shell.kill('SIGKILL')
  // the output is closed once the last process that has it is gone
  await once(shell, 'close')
  await expect(fetch(own)).rejects.toThrow()
})
