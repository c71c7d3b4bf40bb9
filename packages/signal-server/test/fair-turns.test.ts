import { once } from 'node:events'
import { SignalServer, type SignalServerOptions } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from './harness/client.js'

const keys = Array.from({ length: 60 }, (_, n) => `key ${n}`)
const busySessions = 60
const rejoins = 10
const peers = 100

async function listening(options: SignalServerOptions) {
  const server = new SignalServer(options)
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => server.close())
  const join = async (id: string, address: string, wanted: string[]) => {
    const headers = { 'X-Forwarded-For': address }
    const url = `ws://127.0.0.1:${port}/introduction/${encodeURIComponent(id)}`
    const client = await Client.open(url, ['signal.v1'], { headers })
    onTestFinished(() => client.ws.terminate())
    client.send({ type: 'Join', join: wanted })
    await client.settled()
    return client
  }
  return { server, join }
}

test('a newcomer does not wait for all that the clients of another address have asked for', async () => {
  const { server, join } = await listening({ trustProxy: 'loopback', maxSocketsPerAddress: 1_000 })
  for (let n = 0; n < peers; n++) await join(`peer ${n}`, '198.51.100.1', ['room'])
  const newcomer = await join('newcomer', '198.51.100.2', ['another room'])
  const busy: Client[] = []
  for (let n = 0; n < busySessions; n++) busy.push(await join(`busy ${n}`, '203.0.113.1', keys))

  const joined = () => server.stats().outcomes.joined
  const before = joined()
  let missing = peers
  let meanwhile: number | undefined
  server.on('introduction', ({ ids }) => {
    if (ids.includes('newcomer') && --missing === 0) meanwhile = joined() - before
  })
  for (const client of busy) {
    for (let n = 0; n < rejoins; n++) client.send({ type: 'Join', join: keys })
  }
  await once(server, 'introduction')
  newcomer.send({ type: 'Join', join: ['room'] })
  await Promise.all(busy.map((client) => client.settled()))
  expect(joined() - before).toBe(busySessions * rejoins + 1)
  expect(meanwhile).toBeLessThan(busySessions / 2)
})
