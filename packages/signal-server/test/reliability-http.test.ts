import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import express from 'express'
import { SignalServer, type SignalServerOptions } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, within } from './harness/arrivals.js'
import { certificate } from './harness/certificate.js'
import { ServerProcess } from './harness/server-process.js'

const megabyte = 1024 * 1024
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const pem = certificate()

/** A server with an app whose answers take their time. */
async function serve(secure: boolean, options: SignalServerOptions = {}) {
  const answers: (() => void)[] = []
  let closed = 0
  const app = express()
  app.use((_request, response, next) => {
    response.once('close', () => closed++)
    next()
  })
  app.get('/slow', (_request, response) => {
    answers.push(() => response.send('slow'))
  })
  app.get('/large', (_request, response) => {
    answers.push(() => {})
    response.send(Buffer.alloc(32 * megabyte))
  })
  const server = new SignalServer(options)
  onTestFinished(() => server.close())
  const { port } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    app,
    ...(secure && { tls: pem }),
  })
  return {
    server,
    answers,
    /** Answers that are over. */
    closed: () => closed,
    connections: () => server.stats().connections,
    /** A connection, and all that has come on it. */
    open: async () => {
      const socket: Socket = secure
        ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
        : connect(port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      const closed = once(socket, 'close')
      await within(once(socket, secure ? 'secureConnect' : 'connect'), 'a connection')
      let text = ''
      const read = () => socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
      return { socket, closed, read, statuses: () => text.match(/HTTP\/1.1 \d+/g) ?? [] }
    },
  }
}

describe.each([
  ['over TCP', false],
  ['over TLS', true],
])('row 49: plain HTTP %s', (_what, secure) => {
  test('a connection counts from its first moment on, and once, also when it is upgraded', async () => {
    const { open, connections, server } = await serve(secure)
    const silent = await open()
    await eventually(() => connections() === 1, 'one connection')
    silent.socket.write(
      'GET /introduction/alice HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n' +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await eventually(() => server.stats().sockets === 1, 'its upgrade')
    expect(connections()).toBe(1)
    silent.socket.destroy()
    await eventually(() => connections() === 0 && server.stats().sockets === 0, 'none')
  })

  test('connections between two requests give way to newcomers', async () => {
    const { open, connections } = await serve(secure, { maxSockets: 4, headersTimeout: 300 })
    const answered = async () => {
      const connection = await open()
      connection.read()
      connection.socket.write(get('/healthz'))
      await eventually(() => connection.statuses().length === 1, 'an answer')
      return connection
    }
    const [oldest, ...others] = [
      await answered(),
      await answered(),
      await answered(),
      await answered(),
    ]
    let given = false
    void oldest.closed.then(() => (given = true))
    await eventually(async () => {
      await answered()
      return given
    }, 'a place')
    expect(connections()).toBeLessThanOrEqual(4)
    expect(others.length).toBe(3)
  })

  test('one request is in flight, one waits, and a connection with more of them is ended', async () => {
    const { open, answers } = await serve(secure)
    const two = await open()
    two.read()
    two.socket.write(get('/slow') + get('/slow'))
    await eventually(() => answers.length === 1, 'the first')
    answers.shift()!()
    await eventually(() => answers.length === 1, 'the second')
    answers.shift()!()
    await eventually(() => two.statuses().length === 2, 'both answers')

    const many = await open()
    many.read()
    many.socket.write(get('/slow').repeat(100))
    await within(many.closed, 'its end')
    expect(answers.length).toBe(1)
    expect(many.statuses()).toEqual([])
  })

  test('nor are there more in flight if they expect what no server knows', async () => {
    const { open, answers } = await serve(secure)
    const many = await open()
    many.read()
    many.socket.write(get('/slow').replace('Host: x', 'Host: x\r\nExpect: x').repeat(100))
    await within(many.closed, 'its end')
    expect(answers.length).toBe(1)
    expect(many.statuses()).toEqual([])
  })

  test('an offer of another protocol behind an open request ends no more than its connection', async () => {
    const { open, answers, closed, connections } = await serve(secure)
    const offer = get('/healthz').replace(
      '\r\n\r\n',
      '\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    )
    for (const before of [get('/healthz'), get('/slow'), get('/slow').repeat(2)]) {
      const eager = await open()
      eager.read()
      eager.socket.write(before + offer)
      await within(eager.closed, 'its end')
    }
    await eventually(() => connections() === 0, 'the end of all')
    for (const answer of answers) answer()
    await eventually(() => closed() === 3, 'the end of their answers')
    const next = await open()
    next.read()
    next.socket.write(offer)
    await eventually(() => next.statuses().length === 1, 'an answer to the next one')
    await eventually(() => closed() === 4, 'the end of that answer')
  })

  test('a connection has a bound on its requests', { timeout: 60_000 }, async () => {
    const { open } = await serve(secure)
    const connection = await open()
    connection.read()
    let answered = 0
    while (!connection.socket.readableEnded && !connection.socket.destroyed && answered < 2_000) {
      connection.socket.write(get('/healthz'))
      const done = () => connection.statuses().length > answered || connection.socket.destroyed
      await eventually(done, 'an answer')
      answered++
    }
    expect(connection.statuses().length).toBe(1_000)
  })

  test('an answer that is not read ends the connection, one that is being made does not', async () => {
    const { open, answers, connections } = await serve(secure, { stallTimeout: 400 })
    const deaf = await open()
    const waiting = await open()
    waiting.read()
    waiting.socket.write(get('/slow'))
    deaf.socket.pause()
    deaf.socket.write(get('/large'))
    await eventually(() => answers.length === 2, 'both requests')
    await eventually(() => connections() === 1, 'the end of the one that does not read')
    deaf.socket.resume()
    await within(deaf.closed, 'its end')
    answers[0]!()
    answers[1]!()
    await eventually(() => waiting.statuses().length === 1, 'an answer')
  })
})

test(
  'row 49: 40 connections of 1,700 pipelined requests leave the memory as it is',
  { timeout: 60_000 },
  async ({ annotate }) => {
    const server = await ServerProcess.start()
    await server.residentBytes()
    server.forgetPeak()
    const requests = Buffer.from(get('/').repeat(1_700))
    const ends = Array.from({ length: 40 }, async () => {
      const socket = connect(server.port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      socket.pause()
      socket.write(requests)
      // what it was sent before its end may stay unread
      setTimeout(() => socket.resume(), 500)
      await once(socket, 'close')
    })
    await within(Promise.all(ends), 'their ends', 40_000)
    const peak = server.peakBytes()
    await annotate(`${Math.round(peak / megabyte)} MiB at most`)
    expect(peak).toBeLessThan(220 * megabyte)
    expect((await fetch(`${server.http}/healthz`)).status).toBe(200)
  },
)
