import { SignalServer, type SignalServerOptions } from 'signal-server'
import { handshake } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RawSocket } from './harness/raw-socket.js'

const proxied = { 'X-Forwarded-For': '198.51.100.7' }

/** The statuses of three upgrades in a row, to a server that allows two sockets an address. */
async function statuses(options: SignalServerOptions, headers: Record<string, string> = {}) {
  const server = new SignalServer({ maxSocketsPerAddress: 2, ...options })
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const answers: number[] = []
  for (const id of ['a', 'b', 'c']) {
    const raw = await RawSocket.open(port)
    onTestFinished(() => {
      raw.socket.destroy()
    })
    raw.write(handshake(`/introduction/${id}`, { headers }))
    answers.push((await raw.response()).status)
  }
  return answers
}

describe('the limits per address', () => {
  test('count every address by default', async () => {
    expect(await statuses({})).toEqual([101, 101, 429])
    expect(await statuses({}, proxied)).toEqual([101, 101, 429])
  })

  test('can leave loopback alone', async () => {
    expect(await statuses({ exemptLoopback: true })).toEqual([101, 101, 101])
  })

  test('can leave a private address alone that is a proxy nobody named', async () => {
    const options = { exemptUnknownProxies: true }
    expect(await statuses(options, proxied)).toEqual([101, 101, 101])
    expect(await statuses(options)).toEqual([101, 101, 429])
  })

  test('count the client behind a proxy that is named', async () => {
    const options = { exemptUnknownProxies: true, exemptLoopback: true, trustProxy: 1 }
    expect(await statuses(options, proxied)).toEqual([101, 101, 429])
    const claimed = { 'X-Forwarded-For': '127.0.0.1, 198.51.100.7' }
    expect(await statuses(options, claimed)).toEqual([101, 101, 429])
  })
})

test.each(['nonsense', '10.0.0.0/99', ['1.2.3']])('trustProxy may not be %j', (trustProxy) => {
  expect(() => new SignalServer({ trustProxy })).toThrow(/Option "trustProxy" must be/)
})
