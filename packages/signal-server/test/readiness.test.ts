import { SignalServer } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from './harness/client.js'

test('row 37: ready until it drains, and alive all the while', async () => {
  const server = new SignalServer()
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const url = `127.0.0.1:${port}`
  const status = async (path: string) => (await fetch(`http://${url}${path}`)).status
  expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 200])

  const [a, b] = await Promise.all(
    ['/connection/a/b/k', '/connection/b/a/k'].map((path) => Client.open(`ws://${url}${path}`)),
  )
  const drained = server.drain()
  expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503])
  await Promise.all([a!.close(), b!.closed, drained])
})

test('everything can be below a path', async () => {
  const server = new SignalServer()
  onTestFinished(() => server.close())
  const { url, port } = await server.listen({ port: 0, host: '127.0.0.1', path: '/signal/' })
  expect(url).toBe(`http://127.0.0.1:${port}/signal`)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(404)
  const client = await Client.open(`${url.replace('http', 'ws')}/introduction/alice`, ['signal.v1'])
  expect(await client.next('Welcome')).toMatchObject({ id: 'alice' })
  await client.close()
})
