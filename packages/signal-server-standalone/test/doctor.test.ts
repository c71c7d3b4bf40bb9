import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
} from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Tokens } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from './harness/certificate.js'
import { Command } from './harness/command.js'
import { findProgram, proxies, startProxy } from './harness/proxy.js'

const secret = 'correct horse battery staple 123'

async function doctor(...args: string[]) {
  const { code, stdout, stderr } = await Command.run(['doctor', ...args]).ended
  expect(stderr).toBe('')
  const lines = stdout.split('\n')
  // what is indented goes on with the line before
  const text = stdout.replace(/\n {5,}/g, ' ')
  return { code, text, marks: lines.flatMap((line) => /^ ([✓✗–]) /u.exec(line)?.[1] ?? []) }
}

/** A program on a port of its own that is no signal-server. */
async function other(listener: RequestListener, upgradesTo?: number): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  if (upgradesTo !== undefined) server.on('upgrade', passOn(upgradesTo))
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Passes upgrades on to a port, byte by byte. */
const passOn = (port: number) => (request: IncomingMessage, socket: Duplex) => {
  const behind = connect(port, '127.0.0.1')
  const headers = request.rawHeaders.map((text, n) => (n % 2 ? `${text}\r\n` : `${text}: `))
  behind.write(`GET ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`)
  behind.pipe(socket).pipe(behind)
  for (const end of [behind, socket]) end.on('error', () => end.destroy())
}

/** Answers STUN binding requests, or keeps silent. */
async function stun(answering: boolean): Promise<number> {
  const socket: Socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  socket.on('message', (request, { port, address }) => {
    const answer = Buffer.from(request)
    answer.writeUInt16BE(0x0101)
    if (answering) socket.send(answer, port, address)
  })
  return socket.address().port
}

describe('the doctor finds', () => {
  test('nothing wrong with a good server', async () => {
    const { url } = await Command.serve()
    const { code, text, marks } = await doctor(url)
    expect(marks).not.toContain('✗')
    const checks = [
      'reached',
      'HTTP',
      'upgrade',
      'introduction',
      'held message',
      'pipe',
      'round trip',
    ]
    for (const check of checks) expect(text).toMatch(new RegExp(`✓ ${check} `, 'u'))
    expect(text).toMatch(/– token +not needed/u)
    expect(text).toContain('All is well.')
    expect(code).toBe(0)
  })

  test('nothing wrong below a path, by any of its schemes', async () => {
    const { url } = await Command.serve({ BASE_PATH: '/signal' })
    for (const each of [url, `${url}/`, url.replace('http', 'ws')]) {
      expect((await doctor(each)).code).toBe(0)
    }
  })

  test('that nothing listens', async () => {
    const { code, text, marks } = await doctor('http://127.0.0.1:1')
    expect(text).toMatch(/✗ reached +Nothing listens at 127\.0\.0\.1, port 1\./u)
    expect(marks).toEqual(['✗'])
    expect(code).toBe(1)
  })

  test('that there is no such host', async () => {
    const { code, text } = await doctor('https://signal..example')
    expect(text).toContain('There is no host named signal..example.')
    expect(code).toBe(1)
  })

  test('that something else answers', async () => {
    const url = await other((_request, response) => response.writeHead(404).end('nothing'))
    const { code, text } = await doctor(url)
    expect(text).toMatch(/✗ HTTP +There is no signal-server at this URL: .* answers with 404\./u)
    expect(code).toBe(1)
  })

  test('that everybody is sent on', async () => {
    const to = 'https://signal.example.com'
    const url = await other(({ url }, response) =>
      response.writeHead(308, { Location: `${to}${url}` }).end(),
    )
    expect((await doctor(url)).text).toContain(`It sends everybody on to ${to}.`)
  })

  test('that a proxy has no server behind it', async () => {
    const url = await other((_request, response) => response.writeHead(502).end('<h1>Bad</h1>'))
    expect((await doctor(url)).text).toContain('A proxy answers (502), and reaches no server')
  })

  test('that it speaks TLS, or not', async () => {
    const { key, cert } = makeCertificate()
    const { url } = await Command.serve({ KEY: key, CERT: cert })
    expect((await doctor(url.replace('https', 'http'))).text).toContain('ask for https:// instead')
    const plain = await Command.serve()
    expect((await doctor(plain.url.replace('http', 'https'))).text).toContain('No TLS is spoken')
  })

  test('that browsers refuse its certificate, and looks on', async () => {
    const { key, cert } = makeCertificate()
    const { url } = await Command.serve({ KEY: key, CERT: cert })
    const { code, text } = await doctor(url)
    expect(text).toMatch(/✗ TLS +Browsers refuse the certificate: it is self-signed\./u)
    expect(text).toMatch(/✓ pipe/u)
    expect(text).toContain('1 problem.')
    expect(code).toBe(1)
  })

  test('that it is about to restart', async () => {
    const url = await other(({ url }, response) => {
      const ready = url === '/healthz'
      response
        .writeHead(ready ? 200 : 503)
        .end(JSON.stringify({ status: ready ? 'ok' : 'draining' }))
    })
    expect((await doctor(url)).text).toContain('The server is about to restart')
  })

  test('that something passes health checks and no WebSockets', async () => {
    const url = await other((_request, response) => response.end('{"status":"ok"}'))
    const { text } = await doctor(url)
    expect(text).toMatch(/✗ upgrade +Something else answers at .*\/introduction\/ \(200\)/u)
  })
})

describe.skipIf(!process.env.CI && findProgram('nginx') === undefined)('behind nginx', () => {
  test('the doctor finds that upgrades are not passed on', async () => {
    const { url } = await Command.serve({ TRUST_PROXY: '1' })
    const without = (shipped: string) =>
      shipped.replace(/proxy_set_header (Upgrade|Connection).*/g, '')
    const { https } = await startProxy('nginx', url, without)
    const { code, text } = await doctor(https)
    expect(text).toMatch(/✗ upgrade +The request arrives at the server, and not as an upgrade/u)
    expect(text).toContain('proxy_set_header Upgrade $http_upgrade;')
    expect(code).toBe(1)
  })
})

describe.each(proxies)('row 61: behind %s', (name) => {
  const missing = !process.env.CI && findProgram(name) === undefined
  const title = (text: string) => (missing ? `${text} (not run: ${name} is not installed)` : text)

  test.skipIf(missing)(title('paths arrive unchanged with the shipped configuration'), async () => {
    const { url } = await Command.serve({ TRUST_PROXY: '1' })
    const { https } = await startProxy(name, url)
    const { text } = await doctor(https)
    expect(text).toMatch(/✓ paths +slashes, percent signs and emoji .* arrive unchanged/u)
    expect(text).toMatch(/[!–] proxy /u)
  })
})

describe.skipIf(!process.env.CI && findProgram('nginx') === undefined)(
  'row 61: behind nginx',
  () => {
    /** What the doctor says if a location passes requests on to this path. */
    async function passedTo(path: string, location: string, env: Record<string, string> = {}) {
      const { url } = await Command.serve({ TRUST_PROXY: '1', ...env })
      const { https } = await startProxy('nginx', url, (shipped) =>
        shipped
          .replace('location / {', `location ${location} {`)
          .replace(/proxy_pass (http:[^;]+);/, `proxy_pass $1${path};`),
      )
      return doctor(`${https}${location}`)
    }

    test.each([
      ['/', '/', {}],
      ['/', '/signal/', {}],
      ['/signal/', '/signal/', { BASE_PATH: '/signal' }],
    ])('a path that is passed on to %s below %s is found', async (path, location, env) => {
      const { code, text } = await passedTo(path, location, env)
      expect(text).toMatch(/✗ paths +Peers do not meet if an id or key has a slash/u)
      expect(text).toContain('write proxy_pass without a path')
      expect(text).toMatch(/✓ pipe/u)
      expect(code).toBe(1)
    })

    test('a path that is passed on as it came is fine', async () => {
      const { text } = await passedTo('', '/signal/', { BASE_PATH: '/signal' })
      expect(text).toMatch(/✓ paths/u)
    })
  },
)

describe('the doctor warns', () => {
  test('of missing TLS and of missing origins, and says what a proxy needs', async () => {
    const { url } = await Command.serve()
    const { code, text } = await doctor(url)
    expect(text).toMatch(/! TLS +There is none: pages that are on https cannot use it/u)
    expect(text).toMatch(/! origins +Every web page may connect[^]*ORIGINS=/u)
    expect(text).toMatch(/– proxy +none that shows itself[^]*TRUST_PROXY=1/u)
    expect(text).toContain('All is well. 2 warnings.')
    expect(code).toBe(0)
  })

  test('of no origins if there are some', async () => {
    const { url } = await Command.serve({ ORIGINS: 'https://app.example' })
    const { text } = await doctor(url)
    expect(text).toMatch(/✓ origins +pages of other origins are refused/u)
    expect(text).toContain('1 warning.')
  })

  test('of a proxy that shows itself', async () => {
    const server = new URL((await Command.serve()).url)
    const url = await other((request, response) => {
      const { url: path, method, headers } = request
      const passed = httpRequest({ port: server.port, path, method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, { ...answer.headers, Via: '1.1 a proxy' })
        answer.pipe(response)
      })
      request.pipe(passed)
    }, Number(server.port))
    const { text } = await doctor(url)
    expect(text).toMatch(/! proxy +A proxy answers in front of the server \(1\.1 a proxy\)/u)
    expect(text).toMatch(/cannot be seen from outside[^]*TRUST_PROXY=1/u)
  })
})

describe('with tokens, the doctor', () => {
  const serve = async (env: Record<string, string> = {}) => {
    const { url } = await Command.serve({ APP_SECRET: secret, ...env })
    return { url, tokens: new Tokens({ secret }) }
  }

  test('asks for one', async () => {
    const { code, text } = await doctor((await serve()).url)
    expect(text).toMatch(/✗ token +This server wants a token\. Give me one: --token TOKEN\./u)
    expect(code).toBe(1)
  })

  test('goes in with one', async () => {
    const { url, tokens } = await serve()
    const token = await tokens.issue({ app: 'chat', expiresIn: 600 })
    const { code, text } = await doctor(url, '--token', token)
    expect(text).toMatch(
      /✓ token +accepted \(for the app "chat", until .*\); nobody gets in without/u,
    )
    expect(text).toMatch(/✓ pipe/u)
    expect(text).not.toContain(token)
    expect(code).toBe(0)
  })

  test('uses a key that the token allows', async () => {
    const { url, tokens } = await serve()
    for (const keys of [['team-*'], ['exactly this']]) {
      const token = await tokens.issue({ app: 'chat', keys })
      expect((await doctor(url, '--token', token)).code).toBe(0)
    }
  })

  test('says what it cannot see with one that is for one id', async () => {
    const { url, tokens } = await serve()
    const token = await tokens.issue({ app: 'chat', id: 'alice' })
    const { code, text } = await doctor(url, '--token', token)
    expect(text).toMatch(/✓ upgrade[^]*– two peers +not looked at: the token is for one id/u)
    expect(code).toBe(0)
  })

  test('says why one is refused', async () => {
    const { url } = await serve()
    const forged = await new Tokens({ secret: `${secret}!` }).issue({ app: 'chat' })
    const { code, text } = await doctor(url, '--token', forged)
    expect(text).toMatch(/✗ token +The token is refused: The token is not valid\./u)
    expect(code).toBe(1)
    const chat = await serve({ APPS: 'chat' })
    const game = await chat.tokens.issue({ app: 'game' })
    expect((await doctor(chat.url, '--token', game)).text).toMatch(
      /✗ token +The token is good, and not for this/u,
    )
  })

  test('says where none is needed', async () => {
    const { url } = await Command.serve()
    const token = await new Tokens({ secret }).issue({ app: 'chat' })
    expect((await doctor(url, '--token', token)).text).toMatch(
      /– token +not needed: the server lets/u,
    )
  })
})

describe('of ICE servers, the doctor', () => {
  test('finds those that answer', async () => {
    const port = await stun(true)
    const { url } = await Command.serve({
      STUN_URLS: `stun:127.0.0.1:${port}`,
      TURN_URLS: `turn:127.0.0.1:${port}?transport=udp`,
      TURN_SECRET: 'north',
    })
    const { code, text } = await doctor(url)
    expect(text).toContain(`stun:127.0.0.1:${port} answers`)
    expect(text).toContain(`turn:127.0.0.1:${port}?transport=udp answers`)
    expect(code).toBe(0)
  })

  test('finds those that do not', async () => {
    const port = await stun(false)
    const { url } = await Command.serve({ STUN_URLS: `stun:127.0.0.1:${port}` })
    const { code, text } = await doctor(url)
    expect(text).toMatch(/✗ ICE servers +stun:127\.0\.0\.1:\d+ does not answer/u)
    expect(text).toContain(`Is UDP port ${port} open`)
    expect(code).toBe(1)
  })
})
