import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express4'
import { appTokens, SignalServer, Tokens, type TokenEvent } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SECRET } from './harness/guarded-stage.js'

const password = 'demo-chat-password'

interface Answer {
  status: number
  body: { status: number; error: string | null; response: Record<string, string> | null }
  headers: Headers
}

/** An app with the route, on either Express. */
async function open(make = express, apps?: string[], events?: SignalServer) {
  const tokens = new Tokens({ secret: SECRET, ...(apps && { apps }) })
  const app = make()
  app.use(appTokens({ tokens, password, trustProxy: true, ...(events && { events }) }))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/app`
  const ask = async (
    fields: object | URLSearchParams | string,
    { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const form = fields instanceof URLSearchParams
    const response = await fetch(url, {
      method,
      headers: { ...(!form && { 'Content-Type': 'application/json' }), ...headers },
      body: form || typeof fields === 'string' ? fields : JSON.stringify(fields),
    })
    const body = (await response.json()) as Answer['body']
    return { status: response.status, body, headers: response.headers }
  }
  return { tokens, ask, url }
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('on %s', (_name, make) => {
  test('a form and JSON get a token', async () => {
    const { ask, tokens } = await open(make)
    const fields = { app: 'demo-chat-test', password }
    for (const body of [new URLSearchParams(fields), fields]) {
      const answer = await ask(body)
      expect(answer).toMatchObject({ status: 200, body: { status: 200, error: null } })
      expect(answer.headers.get('cache-control')).toBe('no-store')
      const { app } = await tokens.check(answer.body.response!['token']!)
      expect(app).toBe('demo-chat-test')
    }
  })

  test.each([
    ['a wrong password', { app: 'a', password: `${password}!` }, 401],
    ['no password', { app: 'a' }, 401],
    ['a password that is no text', { app: 'a', password: [password] }, 400],
    ['no app', { password }, 400],
    ['an empty app', { app: '', password }, 400],
    ['an app that is no text', { app: 7, password }, 400],
    ['a time that is no number', { app: 'a', password, expiresIn: 'soon' }, 400],
    ['a body that is no JSON', '{"app":', 400],
    ['nothing', '', 401],
  ])('%s is refused', async (_case, body, status) => {
    const { ask } = await open(make)
    const answer = await ask(body)
    expect(answer).toMatchObject({ status, body: { status, response: null } })
    expect(answer.body.error).toMatch(/\w+\.$/)
  })
})

test('a backend can bind a token', async () => {
  const { ask, tokens } = await open()
  const form = new URLSearchParams({ app: 'chat', password, id: 'alice', expiresIn: '60' })
  form.append('keys', 'a')
  form.append('keys', 'b*')
  const { body } = await ask(form)
  const { id, allowsKey, expiresAt } = await tokens.check(body.response!['token']!)
  expect(id).toBe('alice')
  expect(['a', 'b1', 'c'].map((key) => allowsKey!(key))).toEqual([true, true, false])
  expect(expiresAt! - Date.now()).toBeLessThanOrEqual(60_000)
})

test('an app that may not come in gets no token', async () => {
  const { ask } = await open(express, ['chat'])
  expect(await ask({ app: 'game', password })).toMatchObject({ status: 403 })
})

test('a token can be revoked by who knows the password', async () => {
  const { ask, tokens } = await open()
  const { body } = await ask({ app: 'chat', password })
  const { token } = body.response as { token: string }
  const revoke = { method: 'DELETE' }
  expect(await ask({ token, password: 'guess' }, revoke)).toMatchObject({ status: 401 })
  await tokens.check(token)
  expect(await ask({ password }, revoke)).toMatchObject({ status: 400 })
  const { tokenId } = await tokens.check(token)
  expect((await ask({ token, password }, revoke)).body.response).toEqual({ revoked: tokenId })
  await expect(tokens.check(token)).rejects.toMatchObject({ status: 401 })
})

test('row 57: a client that guesses is told to wait, and the right password always passes', async () => {
  const { ask } = await open()
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })
  const guesses = await Promise.all(
    Array.from({ length: 11 }, () => ask({ app: 'a', password: 'guess' }, from('192.0.2.1'))),
  )
  expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10)
  const [late] = guesses.filter(({ status }) => status === 429)
  expect(Number(late!.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await ask({ app: 'a', password }, from('192.0.2.1'))).toMatchObject({ status: 200 })
  expect(await ask({ app: 'a', password }, from('192.0.2.2'))).toMatchObject({ status: 200 })
})

test('the right password is not counted', async () => {
  const { ask } = await open()
  for (let i = 0; i < 15; i++) expect((await ask({ app: 'a', password })).status).toBe(200)
})

test('an empty password is refused at the start', () => {
  const tokens = new Tokens({ secret: SECRET })
  expect(() => appTokens({ tokens, password: '' })).toThrow('must not be empty')
})

describe('row 57: a request for a token', () => {
  const form = (...fields: [string, string][]) =>
    new URLSearchParams([['password', password], ...fields])

  test.each<[string, object | URLSearchParams | string, RegExp]>([
    ['a field that is misspelt', { app: 'a', password, expires: 60 }, /"expires" is no field here/],
    ['a misspelt field in a form', form(['app', 'a'], ['expires', '60']), /"expires" is no field/],
    [
      'a field that parsers leave out',
      form(['app', 'a'], ['__proto__', '60']),
      /"__proto__" is no/,
    ],
    [
      'a field of the prototype',
      `{"app":"a","password":"${password}","__proto__":{}}`,
      /__proto__/,
    ],
    ['an app that is there twice', form(['app', 'a'], ['app', 'b']), /"app" must be one text/],
    ['an id that is there twice', form(['app', 'a'], ['id', 'a'], ['id', 'b']), /"id" must be one/],
    ['a password that is there twice', form(['app', 'a'], ['password', password]), /"password"/],
    [
      'a time that is there twice',
      form(['app', 'a'], ['expiresIn', '1'], ['expiresIn', '2']),
      /sec/,
    ],
    ['a time in a list', { app: 'a', password, expiresIn: [60] }, /"expiresIn" must be a number/],
    [
      'a time that is true',
      { app: 'a', password, expiresIn: true },
      /"expiresIn" must be a number/,
    ],
    ['a time that is empty', form(['app', 'a'], ['expiresIn', '']), /"expiresIn" must be a number/],
    [
      'a time that is below 0',
      { app: 'a', password, expiresIn: -1 },
      /"expiresIn" must be a number/,
    ],
    [
      'a time in another notation',
      form(['app', 'a'], ['expiresIn', '0x10']),
      /"expiresIn" must be/,
    ],
    [
      'a time that is null',
      { app: 'a', password, expiresIn: null },
      /"expiresIn" must be a number/,
    ],
    ['an id that is an object', { app: 'a', password, id: { x: 1 } }, /"id" must be one text/],
    ['an id that is empty', form(['app', 'a'], ['id', '']), /"id" is missing/],
    ['keys that are an object', { app: 'a', password, keys: { 0: 'a' } }, /"keys" must be a list/],
    ['keys in lists', { app: 'a', password, keys: [['a']] }, /"keys" must be a list of texts/],
    ['a key that is empty', form(['app', 'a'], ['keys', '']), /"keys" must be a list of texts/],
  ])('with %s gets 400, and a sentence', async (_case, body, sentence) => {
    const { ask } = await open()
    const answer = await ask(body)
    expect(answer).toMatchObject({ status: 400, body: { status: 400, response: null } })
    expect(answer.body.error).toMatch(sentence)
  })

  test('with a list as its body is not from a client that knows the password', async () => {
    const { ask } = await open()
    expect(await ask([{ app: 'a', password }])).toMatchObject({ status: 401 })
  })

  test('with fields in the query gets 400', async () => {
    const { ask, url } = await open()
    expect((await ask({ app: 'a', password })).status).toBe(200)
    const body = new URLSearchParams({ app: 'a', password })
    const response = await fetch(`${url}?expiresIn=60`, { method: 'POST', body })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: expect.stringContaining('query') })
  })

  test('whose body has another type gets 400, and one that is too large 413', async () => {
    const { ask } = await open()
    const headers = { 'Content-Type': 'text/plain' }
    expect(await ask(`app=a&password=${password}`, { headers })).toMatchObject({ status: 400 })
    expect(await ask({ app: 'a'.repeat(20_000), password })).toMatchObject({ status: 413 })
  })
})

test('row 57: to revoke what is no token of this server gets 400', async () => {
  const { ask, tokens } = await open()
  const other = new Tokens({ secret: `${SECRET}, another one` })
  const revoke = { method: 'DELETE' }
  for (const token of ['x', 'a.b.c', 7, ['x'], await other.issue({ app: 'a' })]) {
    expect(await ask({ token, password }, revoke)).toMatchObject({ status: 400 })
  }
  expect(await ask({ token: 'x', id: 'y', password }, revoke)).toMatchObject({ status: 400 })
  expect(tokens.revoked).toEqual([])
  // one that has expired may be revoked: the backend need not know
  const expired = await tokens.issue({ app: 'a', expiresIn: 0.001 })
  expect(await ask({ token: expired, password }, revoke)).toMatchObject({ status: 200 })
})

test('row 57: guesses from one address, at whatever rate, do not keep the right password out', async () => {
  const { ask } = await open()
  const guesses = Array.from({ length: 200 }, (_, n) => ask({ app: 'a', password: `guess ${n}` }))
  const right = Array.from({ length: 20 }, () => ask({ app: 'a', password }))
  for (const { status } of await Promise.all(right)) expect(status).toBe(200)
  const answers = await Promise.all(guesses)
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(180)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]))
})

test('row 57: what happens is told and counted', async () => {
  const server = new SignalServer()
  onTestFinished(() => server.close())
  const { ask } = await open(express, undefined, server)
  const told: TokenEvent[] = []
  server.on('token', (event) => told.push(event))
  const from = { headers: { 'X-Forwarded-For': '192.0.2.7' } }
  const { body } = await ask({ app: 'chat', password }, from)
  const { token } = body.response as { token: string }
  const { response } = (await ask({ token, password }, { method: 'DELETE', ...from })).body
  for (let n = 0; n < 12; n++) await ask({ app: 'chat', password: 'guess' }, from)
  const address = '192.0.2.7'
  const of = { address, app: 'chat', tokenId: response!['revoked'] }
  expect(told.slice(0, 3)).toEqual([
    { outcome: 'token_issued', ...of },
    { outcome: 'token_revoked', ...of },
    { outcome: 'wrong_password', address },
  ])
  expect(JSON.stringify(told)).not.toContain(token)
  expect(server.stats().outcomes).toMatchObject({
    token_issued: 1,
    token_revoked: 1,
    wrong_password: 10,
    password_throttled: 2,
  })
})
