import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { HttpRefusal, SignalServer, Tokens } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { allowing } from '../src/tokens/key-patterns.js'
import { eventually } from './harness/arrivals.js'
import { Client } from './harness/client.js'
import { GuardedStage, SECRET } from './harness/guarded-stage.js'
import { workOf } from './harness/work.js'
import { startV0 } from './published-clients/harness/v0.js'

const v1 = ['signal.v1']

/** A JWT made by hand: any header, any claims, any signature. */
function forged(header: object, claims: object, secret = SECRET, hash = 'sha256'): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

const unsigned = (claims: object) => forged({ alg: 'none' }, claims).replace(/[^.]+$/, '')

const status = (promise: Promise<unknown>) =>
  promise.then(
    () => 200,
    (error: unknown) => (error as HttpRefusal).status,
  )

describe('a token', () => {
  const tokens = new Tokens({ secret: SECRET })

  test('says its app, its id, its keys and its end', async () => {
    const soon = Date.now() + 60_000
    const token = await tokens.issue({
      app: 'chat',
      id: 'alice',
      keys: ['a', 'b/*'],
      expiresIn: 60,
    })
    const { app, id, allowsKey, expiresAt } = await tokens.check(token)
    expect({ app, id }).toEqual({ app: 'chat', id: 'alice' })
    expect(['a', 'b/', 'b/1', 'b', 'aa', 'c'].filter(allowsKey!)).toEqual(['a', 'b/', 'b/1'])
    expect(Math.abs(expiresAt! - soon)).toBeLessThanOrEqual(1_000)
  })

  test('row 57: whose id is no text, or empty, is not good', async () => {
    for (const jti of [5, null, ['x'], {}, '', true]) {
      const token = forged({ alg: 'HS256' }, { app: 'chat', jti })
      expect(await status(tokens.check(token))).toBe(401)
    }
    const token = forged({ alg: 'HS256' }, { app: 'chat', jti: 'an id' })
    expect((await tokens.check(token)).tokenId).toBe('an id')
  })

  test('row 48: allows the keys of its patterns, however many there are', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '🐟', '\ud83d'), maxLength: 5 })
    const pattern = fc.tuple(text, fc.constantFrom('', '*')).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(pattern), fc.array(text), (patterns, keys) => {
        const allowed = allowing(patterns)
        for (const key of keys) {
          const expected = patterns.some((each) =>
            each.endsWith('*') ? key.startsWith(each.slice(0, -1)) : key === each,
          )
          expect(allowed(key)).toBe(expected)
        }
      }),
    )
    const many = Array.from({ length: 4_000 }, (_, n) => `${n}/*`)
    const keys = Array.from({ length: 5_000 }, (_, n) => `k${n}`)
    const [few, all] = [many.slice(0, 40), many].map(allowing)
    const work = (allowed: (key: string) => boolean) => workOf(() => keys.filter(allowed))
    expect(work(all!)).toBeLessThan(5 + 5 * work(few!))
  })

  test('that binds nothing allows every id and key, for ever', async () => {
    const checked = await tokens.check(await tokens.issue({ app: 'chat' }))
    expect(checked).not.toHaveProperty('id')
    expect(checked).not.toHaveProperty('allowsKey')
    expect(checked).not.toHaveProperty('expiresAt')
  })

  test('with a lone * for its keys allows every key', async () => {
    const { allowsKey } = await tokens.check(await tokens.issue({ app: 'chat', keys: ['*'] }))
    expect(allowsKey!('anything')).toBe(true)
  })

  test('may be made by somebody else who has the secret', async () => {
    const token = forged({ alg: 'HS256' }, { app: 'chat', sub: 'alice' })
    const { app, id } = await tokens.check(token)
    expect({ app, id }).toEqual({ app: 'chat', id: 'alice' })
    expect(await status(tokens.check(token))).toBe(200)
    tokens.revoke(token)
    expect(await status(tokens.check(token))).toBe(401)
  })

  test.each([
    [{ app: '' }, '"app"'],
    [{ app: 'a', id: '' }, '"id"'],
    [{ app: 'a', keys: 'k' }, '"keys"'],
    [{ app: 'a', expiresIn: 0 }, '"expiresIn"'],
    [{ app: 'a', expiresIn: NaN }, '"expiresIn"'],
  ])('is not made of %j', async (claims, named) => {
    await expect(tokens.issue(claims as never)).rejects.toThrow(TypeError)
    await expect(tokens.issue(claims as never)).rejects.toThrow(named)
  })

  test.each([
    ['no app', {}],
    ['an empty app', { app: '' }],
    ['an app that is no text', { app: 7 }],
    ['an id that is no text', { app: 'a', sub: 7 }],
    ['keys that are no list', { app: 'a', keys: 'k' }],
    ['keys that are no texts', { app: 'a', keys: [1] }],
    ['a time that has not come', { app: 'a', nbf: 4_000_000_000 }],
  ])('with %s is refused', async (_name, claims) => {
    expect(await status(tokens.check(forged({ alg: 'HS256' }, claims)))).toBe(401)
  })

  test('can be revoked by its id, and by that of an earlier life of the process', async () => {
    const token = await tokens.issue({ app: 'chat' })
    const { tokenId } = await tokens.check(token)
    expect(await status(new Tokens({ secret: SECRET, revoked: [tokenId] }).check(token))).toBe(401)
    expect(tokens.revoke(tokenId)).toBe(tokenId)
    expect(await status(tokens.check(token))).toBe(401)
  })
})

describe('row 44: before the 101, 401 is the answer to', () => {
  const claims = { app: 'chat' }
  const past = Math.floor(Date.now() / 1_000) - 1
  const cases: [string, string | undefined][] = [
    ['no token', undefined],
    ['a malformed token', 'nonsense'],
    ['three parts that are nothing', 'a.b.c'],
    ['a token signed with another secret', forged({ alg: 'HS256' }, claims, SECRET + '!')],
    ['a token of another algorithm', forged({ alg: 'HS512' }, claims, SECRET, 'sha512')],
    ['algorithm none', unsigned(claims)],
    ['algorithm none with a signature', forged({ alg: 'none' }, claims)],
    ['an expired token', forged({ alg: 'HS256' }, { ...claims, exp: past })],
    ['a token without an app', forged({ alg: 'HS256' }, {})],
  ]

  test.each(cases)('%s', async (_name, token) => {
    const stage = await GuardedStage.open()
    const bearer: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {}
    for (const path of ['/introduction/alice', '/connection/alice/bob/k']) {
      const { status, headers, body } = await stage.answer(path, bearer)
      expect(status).toBe(401)
      expect(headers['www-authenticate']).toBe('Bearer')
      expect(JSON.parse(body)).toMatchObject({ error: 'unauthorized' })
      if (token) expect(body).not.toContain(token)
    }
    await stage.expectQuiet()
  })

  test('a payload that was changed after it was signed', async () => {
    const stage = await GuardedStage.open()
    const [head, , signature] = (await stage.tokens.issue({ app: 'chat' })).split('.')
    const payload = Buffer.from('{"app":"admin"}').toString('base64url')
    const { status } = await stage.answer(`/t/${head}.${payload}.${signature}/introduction/a`)
    expect(status).toBe(401)
    await stage.expectQuiet()
  })
})

describe('row 44: a good token gets in', () => {
  test.each(['bearer', 'subprotocol', 'path'])('as %s', async (way) => {
    const stage = await GuardedStage.open()
    const token = await stage.tokens.issue({ app: 'chat' })
    const base = `ws://127.0.0.1:${stage.port}`
    const alice =
      way === 'bearer'
        ? await Client.open(`${base}/introduction/alice`, v1, {
            headers: { Authorization: `Bearer ${token}` },
          })
        : way === 'subprotocol'
          ? await Client.open(`${base}/introduction/alice`, [...v1, `signal.token.${token}`])
          : await Client.open(`${base}/t/${token}/introduction/alice`, v1)
    expect(await alice.next('Welcome')).toMatchObject({ id: 'alice' })
    expect(alice.ws.protocol).toBe('signal.v1')
    await alice.close()
    await stage.expectQuiet()
  })

  test('and a plain GET tells a browser why not', async () => {
    const stage = await GuardedStage.open()
    const url = `http://127.0.0.1:${stage.port}/introduction/alice`
    const refused = await fetch(url)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    const token = await stage.tokens.issue({ app: 'chat' })
    const allowed = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
    expect(allowed.status).toBe(426)
  })
})

describe('row 45: 403 is the answer to', () => {
  test('the right token for another id', async () => {
    const stage = await GuardedStage.open()
    const token = await stage.tokens.issue({ app: 'chat', id: 'alice' })
    const answers = await Promise.all(
      ['/introduction/bob', '/connection/bob/alice/k', '/introduction/Alice'].map((path) =>
        stage.answer(`/t/${token}${path}`),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    const own = await Client.open(`ws://127.0.0.1:${stage.port}/t/${token}/introduction/alice`, v1)
    await own.close()
    await stage.expectQuiet()
  })

  test('the right token for another key', async () => {
    const stage = await GuardedStage.open()
    const url = await stage.url({ app: 'chat', keys: ['mine', 'team-*'] })
    const path = new URL(url).pathname
    expect((await stage.answer(`${path}/connection/a/b/yours`)).status).toBe(403)
    const alice = await Client.open(`${url}/introduction/alice`, v1)
    alice.send({ type: 'Join', join: ['mine', 'yours', 'team-1'] })
    expect(await alice.next('Error')).toMatchObject({ code: 'forbidden', keys: ['yours'] })
    await alice.close()
    await stage.expectQuiet()
  })

  test('the right token of an app that this server is not for', async () => {
    const stage = await GuardedStage.open({}, ['bystanding', 'chat'])
    const good = await stage.tokens.issue({ app: 'chat' })
    expect((await stage.answer(`/t/${good}/introduction/alice`)).status).toBe(101)
    const other = await new Tokens({ secret: SECRET }).issue({ app: 'game' })
    expect((await stage.answer(`/t/${other}/introduction/alice`)).status).toBe(403)
    await expect(stage.tokens.issue({ app: 'game' })).rejects.toMatchObject({ status: 403 })
  })
})

test('row 45: apps share no ids, no keys and no pipes', async () => {
  const stage = await GuardedStage.open()
  const [chat, game] = await Promise.all(['chat', 'game'].map((app) => stage.url({ app })))
  const join = { type: 'Join', join: ['k'] }
  const peers = await Promise.all(
    [`${chat}/introduction/alice`, `${chat}/introduction/bob`, `${game}/introduction/bob`].map(
      (url) => Client.open(url, v1),
    ),
  )
  const [alice, bob, stranger] = peers as [Client, Client, Client]
  stranger.send(join)
  await stranger.settled()
  alice.send(join)
  bob.send(join)
  expect(await alice.next('Introduction')).toMatchObject({ id: 'bob' })
  expect(await bob.next('Introduction')).toMatchObject({ id: 'alice' })

  const fromGame = await Client.open(`${game}/connection/bob/alice/k`)
  const a = await Client.open(`${chat}/connection/alice/bob/k`)
  const b = await Client.open(`${chat}/connection/bob/alice/k`)
  fromGame.send('from another realm')
  a.send('hello')
  b.send('hello')
  expect((await b.messages.next()).text).toBe('hello')
  expect((await a.messages.next()).text).toBe('hello')
  await stranger.settled()
  expect(stranger.seen.map(({ text }) => (JSON.parse(text) as { type: string }).type)).toEqual([
    'Welcome',
  ])
  expect([a.messages.length, fromGame.messages.length]).toEqual([0, 0])
  await Promise.all([...peers, fromGame, a].map((client) => client.close()))
  await stage.expectQuiet()
})

describe('row 46: 4401 closes', () => {
  /** A session and both ends of a pipe, all with tokens of these claims. */
  async function connected(stage: GuardedStage, expiresIn?: number) {
    const token = await stage.tokens.issue({ app: 'chat', ...(expiresIn && { expiresIn }) })
    const url = `ws://127.0.0.1:${stage.port}/t/${token}`
    const sockets = await Promise.all([
      Client.open(`${url}/introduction/alice`, v1),
      Client.open(`${url}/connection/alice/bob/k`),
      Client.open(`${await stage.url({ app: 'chat' })}/connection/bob/alice/k`),
    ])
    sockets[1].send('before the end')
    expect((await sockets[2].messages.next()).text).toBe('before the end')
    return { token, sockets }
  }
  const codes = (sockets: readonly Client[]) =>
    Promise.all(sockets.map(async ({ closed }) => (await closed).code))

  test('whoever is connected with a token that expires', async () => {
    const stage = await GuardedStage.open()
    const { sockets } = await connected(stage, 2)
    expect(await codes(sockets)).toEqual([4401, 4401, 4410])
    await stage.expectQuiet()
  })

  test('whoever is connected with a token that is revoked, and nobody comes in with it', async () => {
    const stage = await GuardedStage.open()
    const { token, sockets } = await connected(stage)
    const waiting = await Client.open(
      `ws://127.0.0.1:${stage.port}/t/${token}/connection/alice/nobody/k`,
    )
    stage.tokens.revoke(token)
    expect(await codes([...sockets, waiting])).toEqual([4401, 4401, 4410, 4401])
    expect((await stage.answer(`/t/${token}/introduction/alice`)).status).toBe(401)
    expect(stage.server.stats().outcomes.grant_ended).toBe(3)
    await stage.expectQuiet()
  })
})

describe('row 47: a secret is refused that', () => {
  test.each([
    ['is empty', ''],
    ['is one byte too short', SECRET.slice(1)],
    ['is short in bytes', new Uint8Array(31)],
  ])('%s', (_name, secret) => {
    expect(() => new Tokens({ secret })).toThrow(/at least 32 bytes/)
  })

  test('counts bytes, not letters', () => {
    expect(() => new Tokens({ secret: 'ä'.repeat(16) })).not.toThrow()
  })
})

test('row 47: the event that tells of a refusal has neither token nor query', async () => {
  const stage = await GuardedStage.open()
  const urls: string[] = []
  stage.server.on('refused', ({ url }) => urls.push(url))
  const token = await new Tokens({ secret: `${SECRET} of another` }).issue({ app: 'chat' })
  await stage.answer(`/t/${token}/introduction/alice?token=${token}`)
  await stage.answer(`/t/${token}/nothing/here#${token}`)
  expect(urls).toEqual(['/t/…/introduction/alice', '/t/…/nothing/here'])
})

test('an app can decide by itself who comes in', async () => {
  const server = new SignalServer({
    authorize: ({ headers }, { localId }) => {
      if (headers.cookie === undefined) throw new HttpRefusal(401, 'unauthorized', 'Log in first.')
      return {
        app: 'notes',
        id: headers.cookie.replace('user=', ''),
        allowsKey: (key) => key !== localId,
      }
    },
  })
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const answer = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers }).then(({ status }) => status)
  expect(await answer('/introduction/alice')).toBe(401)
  expect(await answer('/introduction/alice', { cookie: 'user=bob' })).toBe(403)
  expect(await answer('/introduction/alice', { cookie: 'user=alice' })).toBe(426)
  expect(await answer('/connection/alice/bob/alice', { cookie: 'user=alice' })).toBe(403)
})

describe('the published v0 client', () => {
  test('gets in with a token in its URL', async () => {
    const stage = await GuardedStage.open()
    const url = await stage.url({ app: 'chat' })
    const [alice, bob] = [startV0({ url, id: 'alice' }), startV0({ url, id: 'bob' })]
    alice.join('happy-raccoon')
    bob.join('happy-raccoon')
    const [toBob, toAlice] = await Promise.all([
      alice.peer('bob', 'happy-raccoon'),
      bob.peer('alice', 'happy-raccoon'),
    ])
    expect([toBob.isOpen, toAlice.isOpen]).toEqual([true, true])
    await Promise.all([alice.close(), bob.close()])
    await stage.expectQuiet()
  })

  test('is kept out without one', async () => {
    const stage = await GuardedStage.open()
    const refused: number[] = []
    stage.server.on('refused', ({ status }) => refused.push(status))
    const alice = startV0({ url: `ws://127.0.0.1:${stage.port}`, id: 'alice' })
    onTestFinished(() => alice.kill())
    await eventually(() => refused.length > 0, 'a refused upgrade')
    expect(new Set(refused)).toEqual(new Set([401]))
    expect(alice.host.sessions.items).toHaveLength(0)
    alice.kill()
    await stage.expectQuiet()
  })
})
