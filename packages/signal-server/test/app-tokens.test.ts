import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express4'
import { appTokens, Tokens } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SECRET } from './harness/guarded-stage.js'

const password = 'demo-chat-password'

interface Answer {
  status: number
  body: { status: number; error: string | null; response: Record<string, string> | null }
  headers: Headers
}

/** An app with the route, on either Express. */
async function open(make = express, apps?: string[]) {
  const tokens = new Tokens({ secret: SECRET, ...(apps && { apps }) })
  const app = make()
  app.use(appTokens({ tokens, password, trustProxy: true }))
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
  return { tokens, ask }
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
    ['a password that is no text', { app: 'a', password: [password] }, 401],
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

test('who guesses is told to wait, and nobody else', async () => {
  const { ask } = await open()
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })
  const guesses = await Promise.all(
    Array.from({ length: 11 }, () => ask({ app: 'a', password: 'guess' }, from('192.0.2.1'))),
  )
  expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10)
  const [late] = guesses.filter(({ status }) => status === 429)
  expect(Number(late!.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await ask({ app: 'a', password }, from('192.0.2.1'))).toMatchObject({ status: 429 })
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
