import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import expressWs from 'express-ws'
import { SignalServer } from 'signal-server'
import { Server as SocketIo } from 'socket.io'
import supertest from 'supertest'
import request from 'superwstest'
import { describe, expect, it, onTestFinished } from 'vitest'

// one type for both: what is used here is the same
const versions = { 'Express 4': express4 as unknown as typeof express5, 'Express 5': express5 }

/** Listens on a free port, until the test is over. */
async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server whose authorisation takes several turns of the event loop. */
function slowSignal(): SignalServer {
  const authorize = async () => {
    for (let turns = 0; turns < 20; turns++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    return true
  }
  const signal = new SignalServer({ authorize })
  onTestFinished(() => signal.close())
  return signal
}

/** Two clients are introduced to each other below a URL. */
async function expectIntroductions(url: string): Promise<void> {
  const join = { type: 'Join', join: ['k'] }
  const first = request(url).ws('/signal/introduction/alice').sendJson(join)
  await first
  await request(url)
    .ws('/signal/introduction/bob')
    .sendJson(join)
    .expectJson({ type: 'Introduction', id: 'alice', keys: ['k'] })
    .close()
  await first.close()
}

describe.each(Object.entries(versions))('in an app of %s', (_name, express) => {
  describe.each([true, false])('mounted before the other: %s', (before) => {
    it("leaves the app's own express-ws routes alone, and they leave it alone", async () => {
      const bare = express()
      const server = createServer(bare)
      const signal = slowSignal()
      if (before) signal.mount(bare, server, '/signal')
      const { app } = expressWs(bare, server)
      app.ws('/echo', (socket) => {
        socket.on('message', (message: string) => socket.send(`echo: ${message}`))
      })
      if (!before) signal.mount(bare, server, '/signal')
      const url = await listening(server)

      await request(url).ws('/echo').sendText('hello').expectText('echo: hello').close()
      await expectIntroductions(url)
      await request(url).ws('/echo').sendText('again').expectText('echo: again').close()
    })

    it('runs beside socket.io', async () => {
      const app = express()
      const server = createServer(app)
      const signal = slowSignal()
      if (before) signal.mount(app, server, '/signal')
      const io = new SocketIo(server, { transports: ['websocket'] })
      onTestFinished(() => void io.close())
      if (!before) signal.mount(app, server, '/signal')
      const url = await listening(server)

      const engine = '/socket.io/?EIO=4&transport=websocket'
      await request(url)
        .ws(engine)
        .expectText(/^0\{"sid"/)
        .close()
      await expectIntroductions(url)
    })
  })

  it("answers below its path, and leaves the app's own pages alone", async () => {
    const app = express()
    app.get('/', (_request: unknown, response: { send(text: string): void }) => {
      response.send('the app')
    })
    const server = createServer(app)
    slowSignal().mount(app, server, '/signal')
    const url = await listening(server)

    await supertest(url).get('/').expect(200, 'the app')
    await supertest(url).get('/signal/').expect(200, /🐟/)
    await supertest(url).get('/signal/healthz').expect(200, { status: 'ok' })
    await supertest(url).get('/signal/introduction/alice').expect(426)
    await supertest(url).get('/signal/introduction/').expect(404)
    await request(url).ws('/signal/nowhere').expectConnectionError(404)
    await request(url).ws('/elsewhere').expectConnectionError(404)
  })
})

describe('several servers on one http.Server', () => {
  it('keep to their own paths', async () => {
    const server = createServer()
    const [one, two] = [slowSignal(), slowSignal()]
    one.attach(server, { path: '/one' })
    two.attach(server, { path: '/two' })
    const url = await listening(server)
    await request(url).ws('/one/introduction/alice').close()
    await request(url).ws('/two/introduction/alice').close()
    expect(one.stats().outcomes.refused_not_found).toBe(0)
    await request(url).ws('/three/introduction/alice').expectConnectionError(404)
  })

  it('give back what they took when they close', async () => {
    const server = createServer()
    const [one, two] = [new SignalServer(), new SignalServer()]
    one.attach(server, { path: '/one' })
    two.attach(server, { path: '/two' })
    const url = await listening(server)
    await one.close()
    await request(url).ws('/two/introduction/alice').close()
    await two.close()
    expect(Object.hasOwn(server, 'emit')).toBe(false)
    expect(server.listenerCount('upgrade')).toBe(0)
  })
})

it.each([
  [
    'an Express app in place of its server',
    () => new SignalServer().attach(express5() as unknown as Server),
    /const server = createServer\(app\)/,
  ],
  [
    'a path in place of the options',
    () => new SignalServer().attach(createServer(), '/x' as never),
    /\{ path: '\/signal' \}, not '\/x'/,
  ],
  ['no server', () => new SignalServer().attach(undefined as never), /HTTP server, not undefined/],
  [
    'an app twice to mount()',
    () => new SignalServer().mount(express5(), express5() as unknown as Server),
    /createServer\(app\)/,
  ],
  [
    'what is no bus',
    () => new SignalServer({ bus: {} as never }),
    /"bus" must be a bus, .* not \{\}/,
  ],
  ['no options', () => new SignalServer('x' as never), /must be an object .* not 'x'/],
])('refuses %s with a TypeError that says what to write', (_, make, sentence) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(sentence)
})
