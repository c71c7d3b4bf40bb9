import { createHmac } from 'node:crypto'
import { expiringIceServers, SignalServer, type SignalServerOptions } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from './harness/client.js'
import { GuardedStage } from './harness/guarded-stage.js'

const turnUrls = ['turn:turn.example.com:3478?transport=udp', 'turns:turn.example.com:5349']
const stunUrls = ['stun:turn.example.com:3478']
const turnSecret = 'north'

async function listening(options: SignalServerOptions) {
  const server = new SignalServer(options)
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  return port
}

test('a TURN credential is what coturn makes of its name and the secret, and expires', () => {
  const servers = expiringIceServers({ stunUrls, turnUrls, turnSecret, lifetime: 600 })
  const [stun, turn] = servers()
  expect(stun).toEqual({ urls: stunUrls })
  const { urls, username, credential } = turn!
  expect(urls).toEqual(turnUrls)
  const expiry = Number(username!.split(':')[0])
  expect(Math.abs(expiry - Date.now() / 1_000 - 600)).toBeLessThan(2)
  expect(credential).toBe(createHmac('sha1', turnSecret).update(username!).digest('base64'))
})

test('TURN servers need a secret', () => {
  expect(() => expiringIceServers({ turnUrls })).toThrow('need the secret')
})

test('are in the Welcome and at /ice-servers, and the same there', async () => {
  const iceServers = expiringIceServers({ stunUrls, turnUrls, turnSecret })
  const port = await listening({ iceServers })
  const client = await Client.open(`ws://127.0.0.1:${port}/introduction/alice`, ['signal.v1'])
  const welcome = await client.next('Welcome')
  const response = await fetch(`http://127.0.0.1:${port}/ice-servers`)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const { iceServers: listed } = (await response.json()) as { iceServers: { urls: string[] }[] }
  expect(listed.map(({ urls }) => urls)).toEqual([stunUrls, turnUrls])
  const urls = (list: unknown) => (list as typeof listed).map((each) => each.urls)
  expect(urls(welcome['iceServers'])).toEqual(urls(listed))
  await client.close()
})

test('none are an empty list', async () => {
  const port = await listening({})
  const response = await fetch(`http://127.0.0.1:${port}/ice-servers`)
  expect(await response.json()).toEqual({ iceServers: [] })
})

test('are for those with a token, where the server asks for tokens', async () => {
  const stage = await GuardedStage.open({ iceServers: expiringIceServers({ stunUrls }) })
  const url = `http://127.0.0.1:${stage.port}`
  expect((await fetch(`${url}/ice-servers`)).status).toBe(401)
  const token = await stage.tokens.issue({ app: 'chat', id: 'alice', keys: ['k'] })
  const bearer = await fetch(`${url}/ice-servers`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  expect(await bearer.json()).toEqual({ iceServers: [{ urls: stunUrls }] })
  expect((await fetch(`${url}/t/${token}/ice-servers`)).status).toBe(200)
  const preflight = await fetch(`${url}/ice-servers`, { method: 'OPTIONS' })
  expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization')
})
