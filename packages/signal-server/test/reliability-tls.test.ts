import { SignalServer, type SignalServerOptions } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import { certificate } from './harness/certificate.js'
import { Client } from './harness/client.js'

const tls = certificate()

async function serve(options: SignalServerOptions = {}) {
  const server = new SignalServer(options)
  const { port } = await server.listen({ port: 0, host: '127.0.0.1', tls })
  onTestFinished(() => server.close())
  const open = (path: string) =>
    Client.open(`wss://127.0.0.1:${port}${path}`, [], { rejectUnauthorized: false })
  const outcomes = () => server.stats().outcomes
  /** Nothing is left of the test's clients. */
  const empty = () =>
    eventually(
      () => {
        const { sockets, bufferedBytes } = server.stats()
        return sockets === 0 && bufferedBytes === 0
      },
      () => `an empty server, not ${JSON.stringify(server.stats().endpoints)}`,
    )
  return { server, open, outcomes, empty }
}

const megabyte = 1024 * 1024
const path = '/connection/alice/bob/k'
const pathBack = '/connection/bob/alice/k'

describe('over TLS', () => {
  test('row 28: a burst arrives whole before the close, also at a slow reader', async () => {
    const { open, empty } = await serve()
    const [a, b] = [await open(path), await open(pathBack)]
    b.ws.pause()
    const count = 256
    for (let n = 0; n < count; n++) a.send(Buffer.alloc(64 * 1024, n))
    a.ws.close(4123, 'that was all')
    b.ws.resume()
    expect(await b.closed).toEqual({ code: 4123, reason: 'that was all' })
    expect(b.seen.map(({ bytes }) => bytes[0])).toEqual([...Array(count).keys()])
    expect(await a.closed).toMatchObject({ code: 4123 })
    await empty()
  })

  test('row 31: what waits is read up to the limit, and loses nothing', async () => {
    const { server, open, empty } = await serve()
    const early = await open(path)
    const messages = Array.from({ length: 16 }, (_, n) => Buffer.alloc(64 * 1024, n))
    for (const message of messages) early.send(message)
    await eventually(() => server.stats().bufferedBytes > 128 * 1024, 'held bytes')
    expect(server.stats().bufferedBytes).toBeLessThanOrEqual(512 * 1024)
    const late = await open(pathBack)
    for (const message of messages) {
      expect((await late.messages.next()).bytes.equals(message)).toBe(true)
    }
    early.ws.close()
    await late.closed
    await empty()
  })

  test('row 32: a stalled reader pauses its sender, which gets 4408', async () => {
    const { server, open, outcomes, empty } = await serve({ stallTimeout: 400, closeTimeout: 200 })
    const [sender, reader] = [await open(path), await open(pathBack)]
    reader.ws.pause()
    for (let n = 0; n < 64; n++) sender.send(Buffer.alloc(megabyte))
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, server.stats().bufferedBytes)), 5)
    expect(await sender.closed).toMatchObject({ code: 4408 })
    clearInterval(watch)
    expect(most).toBeLessThan(2 * megabyte)
    expect(outcomes()).toMatchObject({ pipe_stalled: 1 })
    reader.ws.resume()
    await reader.closed
    await empty()
  })

  test('row 27: an abnormal end becomes 4410', async () => {
    const { open, outcomes, empty } = await serve()
    const [a, b] = [await open(path), await open(pathBack)]
    a.ws.terminate()
    expect(await b.closed).toMatchObject({ code: 4410 })
    expect(outcomes()).toMatchObject({ pipe_peer_gone: 1 })
    await empty()
  })
})
