import { connect } from 'node:net'
import { SignalServer, type Claim, type Grant } from 'signal-server'
import { handshake, type HandshakeFlaws } from 'signal-test-kit'
import { WebSocket } from 'ws'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, within } from './harness/arrivals.js'
import { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

/** What a handshake is answered with; the connection must end after it, unless it is a 101. */
async function answerTo(stage: Stage, target: string, flaws?: HandshakeFlaws) {
  const raw = await stage.raw()
  raw.write(handshake(target, flaws))
  const response = await raw.response()
  if (response.status === 101) raw.reset()
  else await within(raw.ended, 'the end of a refused connection')
  const body = response.body.startsWith('{')
    ? (JSON.parse(response.body) as { error: string; message: string })
    : undefined
  return { status: response.status, headers: response.headers, error: body?.error, body }
}

const throwing = () => {
  throw new Error('no')
}

describe('row 1: a path that is no endpoint', () => {
  test.each([
    '/introduction',
    '/introduction/',
    '/introduction/alice/',
    '/introduction/alice/bob',
    '/connection',
    '/connection/a/b',
    '/connection/a/b/',
    '/connection//b/k',
    '/connection/a/b/k/more',
    '/introductions/alice',
    '/elsewhere',
    '//introduction/alice',
    '/t/token/elsewhere',
    '/t//introduction/alice',
    '*',
  ])('%s is answered with 404, never with 101', async (path) => {
    const stage = await Stage.open()
    expect(await answerTo(stage, path)).toMatchObject({ status: 404, error: 'not_found' })
  })

  test('its name is not repeated in full where it is long', async () => {
    const stage = await Stage.open()
    const { status, body } = await answerTo(stage, `/introduction/a/${'x'.repeat(10_000)}`)
    expect(status).toBe(404)
    expect(body!.message.length).toBeLessThan(400)
  })
})

describe('row 2: a path that is malformed', () => {
  test.each([
    ['/introduction/%', 'a lone %'],
    ['/introduction/%zz', 'a % that is no number'],
    ['/introduction/%c3', 'half a character'],
    ['/introduction/%ff', 'no UTF-8'],
    ['/introduction/%ed%a0%80', 'a surrogate'],
    ['/introduction/%00', 'NUL'],
    ['/introduction/a%0ab', 'a line feed'],
    ['/introduction/a%1fb', 'another control character'],
    ['/introduction/a%7f', 'DEL'],
    ['/connection/a/b/%00', 'NUL in a key'],
    ['/t/%zz/introduction/alice', 'a malformed token'],
  ])('%s (%s) is answered with 400', async (path) => {
    const stage = await Stage.open({ authorize: () => true })
    expect(await answerTo(stage, path)).toMatchObject({ status: 400, error: 'bad_request' })
  })

  test.each(['/introduction/a\0b', '/introduction/a b', '/introduction/a\x7fb'])(
    'raw control characters and spaces in a request line are answered with 400',
    async (path) => {
      const stage = await Stage.open()
      expect(await answerTo(stage, path)).toMatchObject({ status: 400 })
    },
  )
})

describe('row 3: a path or headers that are too long', () => {
  test.each([
    ['a', 256, 101],
    ['a', 257, 414],
    ['%C3%A9', 128, 101],
    ['%C3%A9', 129, 414],
    ['%F0%9F%90%9F', 64, 101],
    ['%F0%9F%90%9F', 65, 414],
  ])('an id of %s, %i times, is answered with %i', async (character, times, status) => {
    const stage = await Stage.open()
    const answer = await answerTo(stage, `/introduction/${character.repeat(times)}`)
    expect(answer.status).toBe(status)
  })

  test('a key of 257 bytes is answered with 414', async () => {
    const stage = await Stage.open()
    const answer = await answerTo(stage, `/connection/a/b/${'k'.repeat(257)}`)
    expect(answer).toMatchObject({ status: 414, error: 'uri_too_long' })
  })

  test.each([
    ['a header', '/introduction/alice', { 'X-Long': 'x'.repeat(17 * 1024) }],
    ['a path', `/introduction/${'x'.repeat(17 * 1024)}`, {}],
  ])('%s of more than 16 KiB is answered with 431', async (_what, path, headers) => {
    const stage = await Stage.open()
    expect(await answerTo(stage, path, { headers })).toMatchObject({ status: 431 })
  })
})

describe('row 4: ids and keys that look dangerous', () => {
  const ids = ['__proto__', 'constructor', 'toString', 'a:b', 'a/b', 'a%2Fb', '🐟', '%', '?', ' ']

  test.each(ids)('%j is an ordinary id and key', async (id) => {
    const stage = await Stage.open()
    const [one, other] = [await stage.v1(id, id), await stage.v1(`not ${id}`, id)]
    expect(await one.next('Introduction')).toEqual({
      type: 'Introduction',
      id: `not ${id}`,
      keys: [id],
    })
    expect(await other.next('Introduction')).toEqual({ type: 'Introduction', id, keys: [id] })

    const path = (...segments: string[]) =>
      `/connection/${segments.map(encodeURIComponent).join('/')}`
    const a = await stage.client(path(id, `not ${id}`, id))
    const b = await stage.client(path(`not ${id}`, id, id))
    a.send('hello')
    expect((await b.messages.next()).text).toBe('hello')
    one.send({ type: 'Leave', leave: [id] })
    expect(await other.next('Departure')).toEqual({ type: 'Departure', id, keys: [id] })
  })

  test('they are decoded exactly once, and nothing is normalised', async () => {
    const stage = await Stage.open()
    const names = ['a%2Fb', 'a/b', 'é', 'e\u0301', 'A', 'a']
    for (const name of names) {
      const path = `/introduction/${encodeURIComponent(name)}`
      const client = await stage.client(path, ['signal.v1'])
      expect((await client.next('Welcome')).id).toBe(name)
    }
  })
})

describe('row 5: an Origin', () => {
  const origins = ['https://app.example', 'capacitor://localhost', 'null']

  test.each(['https://evil.example', 'http://app.example', 'https://app.example:444', 'file://'])(
    '%s, which is not on the list, is answered with 403',
    async (Origin) => {
      const stage = await Stage.open({ origins })
      for (const path of ['/introduction/alice', '/connection/a/b/k']) {
        const answer = await answerTo(stage, path, { headers: { Origin } })
        expect(answer).toMatchObject({ status: 403, error: 'forbidden' })
      }
    },
  )

  test.each([...origins, undefined])(
    '%s, which is on the list or missing, is let in',
    async (Origin) => {
      const stage = await Stage.open({ origins })
      expect(await answerTo(stage, '/introduction/alice', { headers: { Origin } })).toMatchObject({
        status: 101,
      })
    },
  )

  test('is not looked at where there is no list', async () => {
    const stage = await Stage.open()
    const headers = { Origin: 'https://anywhere.example' }
    expect(await answerTo(stage, '/connection/a/b/k', { headers })).toMatchObject({ status: 101 })
  })
})

describe('row 6: a handshake of another kind', () => {
  test.each(['12', '8', '14', '0', 'thirteen', undefined])(
    'version %s is answered with 426 and the right version',
    async (version) => {
      const stage = await Stage.open()
      const flaws = { headers: { 'Sec-WebSocket-Version': version } }
      for (const path of ['/introduction/alice', '/connection/a/b/k']) {
        expect(await answerTo(stage, path, flaws)).toMatchObject({
          status: 426,
          headers: { 'sec-websocket-version': '13' },
          error: 'upgrade_required',
        })
      }
    },
  )

  test.each(['POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE'])(
    '%s is answered with 405',
    async (method) => {
      const stage = await Stage.open()
      const answer = await answerTo(stage, '/introduction/alice', { method })
      expect(answer).toMatchObject({ status: 405 })
      expect(answer.headers.allow).toContain('GET')
    },
  )

  test.each([
    ['no key', { 'Sec-WebSocket-Key': undefined }],
    ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
    ['a key that is not base64', { 'Sec-WebSocket-Key': '$$$$$$$$$$$$$$$$$$$$$$==' }],
    ['a subprotocol twice', { 'Sec-WebSocket-Protocol': 'signal.v1, signal.v1' }],
    ['a subprotocol that is no token', { 'Sec-WebSocket-Protocol': 'signal v1' }],
    ['an empty list of subprotocols', { 'Sec-WebSocket-Protocol': '' }],
    ['a list with a gap', { 'Sec-WebSocket-Protocol': 'signal.v1,,other' }],
  ])('%s is answered with 400', async (_what, headers) => {
    const stage = await Stage.open()
    for (const path of ['/introduction/alice', '/connection/a/b/k']) {
      expect(await answerTo(stage, path, { headers })).toMatchObject({
        status: 400,
        error: 'bad_request',
      })
    }
  })

  test('two keys, or two versions, are no handshake', async () => {
    const stage = await Stage.open()
    for (const [name, status] of [
      ['Sec-WebSocket-Key', 400],
      ['Sec-WebSocket-Version', 426],
    ] as const) {
      const raw = await stage.raw()
      const request = handshake('/introduction/alice')
      const line = request.split('\r\n').find((each) => each.startsWith(name))!
      raw.write(request.replace(line, `${line}\r\n${line}`))
      expect(await raw.response()).toMatchObject({ status })
    }
  })

  test.each([
    ['keep-alive beside it', { Connection: 'keep-alive, Upgrade' }],
    ['any case', { Connection: 'uPgRaDe', Upgrade: 'WebSocket' }],
    ['a query', {}],
    ['the whole URL as its target, as through a proxy', {}],
  ])('%s is let in', async (what, headers) => {
    const stage = await Stage.open()
    const target = {
      'a query': '/introduction/alice?token=x#y',
      'the whole URL as its target, as through a proxy': `${stage.http}/introduction/alice`,
    }[what]
    const answer = await answerTo(stage, target ?? '/introduction/alice', { headers })
    expect(answer).toMatchObject({
      status: 101,
      headers: { 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' },
    })
  })
})

describe('row 7: a handshake that does not go on', () => {
  test(
    'is answered with 408 within 7 s, whether silent or half sent',
    { timeout: 15_000 },
    async () => {
      const stage = await Stage.open()
      const [silent, half, body] = [await stage.raw(), await stage.raw(), await stage.raw()]
      half.write(handshake('/introduction/alice').slice(0, 60))
      body.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Len')
      const start = performance.now()
      const answers = await Promise.all([silent, half, body].map((raw) => raw.response('a 408')))
      expect(answers.map(({ status }) => status)).toEqual([408, 408, 408])
      // headersTimeout (5 s), and one interval of Node's search for late requests (1 s)
      expect(performance.now() - start).toBeLessThan(7_000)
      await Promise.all([silent.ended, half.ended, body.ended])
    },
  )

  test('and a thousand of them at once hold nobody up', { timeout: 60_000 }, async () => {
    const stage = await Stage.open({ headersTimeout: 2_000 })
    const half = handshake('/introduction/alice').slice(0, 60)
    const all = await Promise.all(
      Array.from({ length: 1_000 }, async (_, n) => {
        const raw = await RawSocket.open(stage.port)
        onTestFinished(() => void raw.socket.destroy())
        if (n % 2) raw.write(half)
        return raw
      }),
    )
    await stage.expectHealthy()
    const alice = await stage.v1('alice', 'k')
    const bob = await stage.v1('bob', 'k')
    await Promise.all([alice.next('Introduction'), bob.next('Introduction')])
    const answers = await Promise.all(all.map((raw) => raw.response('a 408')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([408]))
    await Promise.all(all.map((raw) => raw.ended))
  })

  test('a handshake that trickles in is answered in time as well', async () => {
    const stage = await Stage.open({ headersTimeout: 500 })
    const raw = await stage.raw()
    const request = handshake('/introduction/alice')
    let at = 0
    const timer = setInterval(() => raw.write(request[at++] ?? ''), 50)
    onTestFinished(() => clearInterval(timer))
    expect(await raw.response()).toMatchObject({ status: 408 })
  })
})

describe('row 8: an authorisation that takes its time', () => {
  /** An authorisation that waits until the test decides. */
  function slow() {
    const asked: {
      claim: Claim
      decide: (answer: boolean | Grant) => void
      fail: (e: Error) => void
    }[] = []
    const authorize = (request: { url?: string }, claim: Claim) =>
      request.url?.includes('bystander')
        ? true
        : new Promise<boolean | Grant>((decide, fail) => void asked.push({ claim, decide, fail }))
    return { asked, authorize }
  }

  test.each(['reset', 'end'] as const)(
    'survives a client that goes away meanwhile (%s), and keeps nothing of it',
    async (how) => {
      const { asked, authorize } = slow()
      const stage = await Stage.open({ authorize, maxSocketsPerAddress: 50 })
      for (const path of ['/introduction/alice', '/connection/a/b/k', '/introduction/carol']) {
        const raw = await stage.raw()
        raw.write(handshake(path))
        await eventually(() => asked.length > 0, 'the question')
        raw[how]()
        if (how === 'reset') await eventually(() => stage.server.stats().sockets === 4, 'the end')
        const { decide, fail } = asked.pop()!
        if (path.endsWith('carol')) fail(new Error('the database is gone'))
        else decide(true)
      }
      await eventually(() => stage.server.stats().sockets === 4, 'nothing kept')
      await stage.expectQuiet()
    },
  )

  test('a client that waits for its authorisation counts among the sockets', async () => {
    const { asked, authorize } = slow()
    const stage = await Stage.open({ authorize, maxSocketsPerAddress: 5 })
    const first = await stage.raw()
    first.write(handshake('/introduction/alice'))
    await eventually(() => asked.length === 1, 'the question')
    expect(await answerTo(stage, '/introduction/bob')).toMatchObject({ status: 429 })
    asked[0]!.decide(true)
    expect(await first.response()).toMatchObject({ status: 101 })
  })

  test('one that does not answer is answered for, with 503', async () => {
    const { authorize } = slow()
    const stage = await Stage.open({ authorize, authorizeTimeout: 100 })
    expect(await answerTo(stage, '/introduction/alice')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      error: 'request_timeout',
    })
  })

  test('a server that is closed meanwhile lets nobody in, and does not wait', async () => {
    const { asked, authorize } = slow()
    const stage = await Stage.open({ authorize, authorizeTimeout: 60_000 })
    const raw = await stage.raw()
    raw.write(handshake('/introduction/alice'))
    await eventually(() => asked.length === 1, 'the question')
    await within(stage.server.close(), 'the end of the server', 1_000)
    expect(await raw.response()).toMatchObject({ status: 503 })
    asked[0]!.decide(true)
    expect(stage.outcomes().refused_restarting).toBe(1)
  })

  test('a server that drains meanwhile lets nobody in', async () => {
    const { asked, authorize } = slow()
    const stage = await Stage.open({ authorize, drainTimeout: 10, closeTimeout: 10 })
    const raw = await stage.raw()
    raw.write(handshake('/introduction/alice'))
    await eventually(() => asked.length === 1, 'the question')
    const drained = stage.server.drain()
    asked[0]!.decide(true)
    expect(await raw.response()).toMatchObject({ status: 503 })
    await drained
  })

  test.each<[string, number, () => unknown]>([
    ['false', 403, () => false],
    ['a promise of false', 403, () => Promise.resolve(false)],
    ['an error thrown at once', 500, throwing],
    ['a rejection', 500, () => Promise.reject(new Error('no'))],
    ['a thenable that fails', 500, () => ({ then: (_: unknown, fail: () => void) => fail() })],
    ['nothing', 500, () => undefined],
    ['null', 500, () => null],
    ['0', 500, () => 0],
    ['an empty text', 500, () => ''],
    ['1', 500, () => 1],
    ['a text', 500, () => 'yes'],
    ['true', 101, () => true],
    ['a grant', 101, () => ({ app: 'mine' })],
    ['a thenable', 101, () => ({ then: (done: (answer: boolean) => void) => done(true) })],
  ])('a hook that answers with %s leads to %i', async (_what, status, answer) => {
    let hooked = false
    const authorize = () => (hooked ? (answer() as boolean) : true)
    const stage = await Stage.open({ authorize })
    hooked = true
    const faults: Error[] = []
    stage.server.on('fault', (error) => faults.push(error))
    expect(await answerTo(stage, '/introduction/alice')).toMatchObject({ status })
    expect(await answerTo(stage, '/connection/a/b/k')).toMatchObject({ status })
    expect(faults).toHaveLength(status === 500 ? 2 : 0)
  })

  test('a thousand clients that give up meanwhile leave nothing behind', async () => {
    const { asked, authorize } = slow()
    const stage = await Stage.open({ authorize })
    for (let n = 0; n < 1_000; n++) {
      const socket = connect(stage.port, '127.0.0.1', () =>
        socket.write(handshake(`/introduction/${n}`)),
      )
      socket.on('error', () => {})
      onTestFinished(() => void socket.destroy())
    }
    await eventually(() => asked.length === 1_000, 'the questions')
    expect(stage.server.stats().sockets).toBe(1_004)
    for (const { decide } of asked.slice(0, 500)) decide(true)
    await eventually(
      () => stage.server.stats().endpoints['introduction']!['sessions'] === 502,
      'half',
    )
  })
})

describe('row 9: a subprotocol', () => {
  test.each(['/introduction/alice', '/connection/a/b/k'])(
    'is echoed on %s if it is signal.v1',
    async (path) => {
      const stage = await Stage.open()
      const echoed = async (offered: string | undefined) => {
        const headers = { 'Sec-WebSocket-Protocol': offered }
        const answer = await answerTo(stage, path, { headers })
        expect(answer.status).toBe(101)
        return answer.headers['sec-websocket-protocol']
      }
      expect(await echoed('signal.v1')).toBe('signal.v1')
      expect(await echoed('chat, signal.v1')).toBe('signal.v1')
      expect(await echoed('signal.token.abc,signal.v1')).toBe('signal.v1')
      expect(await echoed('chat')).toBeUndefined()
      expect(await echoed('signal.v2')).toBeUndefined()
      expect(await echoed('SIGNAL.V1')).toBeUndefined()
      expect(await echoed('signal.token.abc')).toBeUndefined()
      expect(await echoed(undefined)).toBeUndefined()
    },
  )

  test('no extension is ever selected', async () => {
    const stage = await Stage.open()
    const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }
    for (const path of ['/introduction/alice', '/connection/a/b/k']) {
      const { status, headers: answer } = await answerTo(stage, path, { headers })
      expect(status).toBe(101)
      expect(answer['sec-websocket-extensions']).toBeUndefined()
    }
  })
})

describe('row 10: too many', () => {
  test('sockets from one address: 429 with Retry-After, until one of them has gone', async () => {
    const stage = await Stage.open({ maxSocketsPerAddress: 6 })
    const alice = await stage.client('/introduction/alice')
    await stage.client('/connection/a/b/k')
    for (const path of ['/introduction/bob', '/connection/b/a/k']) {
      expect(await answerTo(stage, path)).toMatchObject({
        status: 429,
        headers: { 'retry-after': '1' },
        error: 'rate_limited',
      })
    }
    await alice.close()
    await eventually(() => stage.server.stats().sockets === 5, 'one less')
    expect(await answerTo(stage, '/introduction/bob')).toMatchObject({ status: 101 })
  })

  test('sockets in all that have only just come: 503 with Retry-After, until one has gone', async () => {
    const server = new SignalServer({ maxSockets: 1 })
    onTestFinished(() => server.close())
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    const first = await RawSocket.upgrade(port, '/introduction/alice')
    const second = await RawSocket.open(port)
    second.write(handshake('/connection/a/b/k'))
    const { status, headers, body } = await second.response()
    expect(status).toBe(503)
    expect(headers['retry-after']).toBe('30')
    expect(JSON.parse(body)).toMatchObject({ error: 'server_full' })
    first.reset()
    await eventually(() => server.stats().sockets === 0, 'one less')
    const third = await RawSocket.upgrade(port, '/introduction/bob')
    third.reset()
  })

  test('upgrades a second from one address: 429, and none of it is kept', async () => {
    const stage = await Stage.open({ maxUpgradesPerSecond: 20 })
    const statuses: number[] = []
    for (let n = 0; n < 40; n++) statuses.push((await answerTo(stage, '/introduction/a')).status)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0)
    expect(new Set(statuses)).toEqual(new Set([101, 429]))
    const again = async () => (await answerTo(stage, '/introduction/a')).status === 101
    await eventually(again, 'room in the next second')
  })

  test('addresses are told apart, IPv6 ones by their network of 64 bits', async () => {
    const stage = await Stage.open({ maxSocketsPerAddress: 4, trustProxy: 'loopback' })
    const from = (address: string) =>
      stage.upgraded('/introduction/alice', { headers: { 'X-Forwarded-For': address } })
    for (const address of [
      '203.0.113.1',
      '::ffff:203.0.113.1',
      '203.0.113.1',
      '::FFFF:203.0.113.1',
      '203.0.113.2',
      '2001:db8:0:1::1',
      '2001:db8:0:1:ffff::2',
      '2001:0db8:0000:0001::3',
      '2001:db8::1:0:0:0:4',
      '2001:db8:0:2::1',
      'fe80::1%eth0',
      'unknown',
      '_hidden',
    ]) {
      await from(address)
    }
    for (const address of ['203.0.113.1', '::ffff:cb00:7101', '2001:db8:0:1:5::']) {
      await expect(from(address), address).rejects.toThrow('429')
    }
  })

  test('a reset between the headers and the answer is no fault', async () => {
    const stage = await Stage.open({ maxSocketsPerAddress: 1_000, exemptLoopback: true })
    const faults: Error[] = []
    stage.server.on('fault', (error) => faults.push(error))
    for (let n = 0; n < 200; n++) {
      const raw = await stage.raw()
      raw.write(handshake('/introduction/alice'))
      raw.reset()
    }
    await stage.expectQuiet()
    expect(faults).toEqual([])
  })

  test('a browser and the ws client see the refusal, not a hang', async () => {
    const stage = await Stage.open({ maxSocketsPerAddress: 4 })
    const ws = new WebSocket(`${stage.ws}/introduction/alice`)
    const status = await new Promise((resolve) =>
      ws.once('unexpected-response', (_request, response) => resolve(response.statusCode)),
    )
    ws.once('error', () => {})
    ws.terminate()
    expect(status).toBe(429)
  })
})
