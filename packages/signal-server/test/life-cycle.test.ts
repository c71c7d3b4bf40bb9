import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { SignalServer } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { within } from './harness/arrivals.js'
import { Client } from './harness/client.js'

const local = { port: 0, host: '127.0.0.1' }
const dist = new URL('../dist/index.js', import.meta.url).href

/** A port that somebody else has. */
async function busyPort(): Promise<number> {
  const other: Server = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  return (other.address() as AddressInfo).port
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const open = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.destroy()
  return open
}

describe('row 38: close()', () => {
  test('frees the port, and ends every socket', async () => {
    const server = new SignalServer()
    const { port } = await server.listen(local)
    const url = `ws://127.0.0.1:${port}`
    const clients = await Promise.all(
      ['/introduction/a', '/connection/a/b/k', '/connection/b/a/k', '/connection/c/d/k'].map(
        (path) => Client.open(url + path),
      ),
    )
    await within(server.close(), 'the end of the server', 2_000)
    await Promise.all(clients.map((client) => within(client.closed, 'the end of a socket')))
    expect(await isOpen(port)).toBe(false)
    expect(server.stats()).toMatchObject({ bufferedBytes: 0 })
    const again = new SignalServer()
    onTestFinished(() => again.close())
    expect(await again.listen({ port, host: '127.0.0.1' })).toMatchObject({ port })
  })

  test('may be called twice, and before it listens', async () => {
    const server = new SignalServer()
    await Promise.all([server.close(), server.close()])
    await server.close()
    await expect(server.listen(local)).rejects.toThrow('was closed')
    expect(() => server.attach(createServer())).toThrow('was closed')
  })

  test('while it begins to listen leaves no port open', async () => {
    const server = new SignalServer()
    const listening = server.listen(local)
    const refused = expect(listening).rejects.toThrow('was closed')
    await server.close()
    await refused
  })

  test('frees every timer, so that the process can end by itself', async () => {
    const program = `
      import { SignalServer } from ${JSON.stringify(dist)}
      const server = new SignalServer()
      const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
      const sockets = ['introduction/a', 'connection/a/b/k', 'connection/b/a/k', 'connection/c/d/k']
        .map((path) => new WebSocket('ws://127.0.0.1:' + port + '/' + path))
      await Promise.all(sockets.map((socket) => new Promise((open) => (socket.onopen = open))))
      sockets[0].send('{"join":["k"]}')
      await server.close()
    `
    const args = ['--experimental-websocket', '--input-type=module', '-e', program]
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    expect(await within(once(child, 'exit'), 'the end of the process')).toEqual([0, null])
  })
})

describe('row 38: listen()', () => {
  test('on a busy port rejects with a sentence that says what to do', async () => {
    const port = await busyPort()
    const server = new SignalServer()
    onTestFinished(() => server.close())
    const failure = expect(server.listen({ port, host: '127.0.0.1' })).rejects
    await failure.toMatchObject({
      code: 'EADDRINUSE',
      message: `Port ${port} is in use already: end the program that uses it, or choose another port.`,
    })
    // and may be tried again
    expect((await server.listen(local)).port).not.toBe(port)
  })

  test('a second time rejects, at the same time too', async () => {
    const server = new SignalServer()
    onTestFinished(() => server.close())
    const first = server.listen(local)
    await expect(server.listen(local)).rejects.toThrow('listens already')
    await first
    await expect(server.listen(local)).rejects.toThrow('listens already')
  })

  test.each([{ port: 0 }, { host: '127.0.0.1' }])(
    'on a socket rejects with a TypeError if %j would be ignored',
    async (ignored) => {
      const server = new SignalServer()
      onTestFinished(() => server.close())
      const [name] = Object.keys(ignored)
      const listening = server.listen({ socket: '/nowhere/s.sock', ...ignored })
      await expect(listening).rejects.toThrow(TypeError)
      await expect(listening).rejects.toThrow(`"${name}" has no meaning beside "socket"`)
    },
  )

  test('on a bare port, as with a server of Node, rejects with a TypeError', async () => {
    const server = new SignalServer()
    onTestFinished(() => server.close())
    const listening = server.listen(3000 as never)
    await expect(listening).rejects.toThrow(TypeError)
    await expect(listening).rejects.toThrow('must be an object such as { port: 3000 }, not 3000.')
  })

  test('on an address that is not there rejects', async () => {
    const server = new SignalServer()
    onTestFinished(() => server.close())
    await expect(server.listen({ port: 0, host: '192.0.2.1' })).rejects.toThrow(
      'Cannot listen on 192.0.2.1: this machine has no such address.',
    )
  })
})
