import { describe, expect, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { Command, ws } from './harness/command.js'
import { introduced, pair } from './harness/peers.js'

/** The status of the answer to a request, on a connection that is open already. */
const answerOn = async (raw: RawSocket, path: string) => {
  raw.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  const closed = raw.ended.then(() => undefined)
  const answer = await Promise.race([raw.response(path), closed])
  raw.socket.destroy()
  return answer?.status ?? 'closed without an answer'
}

const statusAt = async (url: string) => (await fetch(url)).status

describe.each([
  ['SIGTERM', '1'],
  ['SIGINT', '1'],
  ['SIGTERM', '2'],
  ['SIGINT', '2'],
] as const)('row 37: after %s, with WEB_CONCURRENCY=%s,', (signal, WEB_CONCURRENCY) => {
  test('nobody comes in, introductions go, and a pipe ends by itself', async () => {
    const { command, url } = await Command.serve({ WEB_CONCURRENCY })
    const peers = await introduced(url)
    const [a, b] = await pair(url)
    command.child.kill(signal)
    for (const peer of peers) expect((await peer.closed).code).toBe(1012)

    expect(await statusAt(`${url}/readyz`)).toBe(503)
    expect(await statusAt(`${url}/healthz`)).toBe(200)
    await expect(Client.open(`${ws(url)}/introduction/carol`)).rejects.toThrow('503')
    a.send('still here')
    expect((await b.messages.next()).text).toBe('still here')
    await a.close(1000, 'done')
    expect((await b.closed).code).toBe(1000)
    const { code, stdout } = await within(command.ended, 'the end')
    expect(code).toBe(0)
    expect(stdout).toMatch(/draining .*; 1 pipe may end[^]*closed/)
  })

  test('a second one ends it at once', async () => {
    const { command, url } = await Command.serve({ WEB_CONCURRENCY })
    const [a, b] = await pair(url)
    command.child.kill(signal)
    await eventually(() => command.output.includes('draining'), 'the drain')
    const start = performance.now()
    const { code } = await command.end(signal)
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(code).toBe(signal === 'SIGTERM' ? 143 : 130)
    expect((await a.closed).code).toBe(1006)
    expect((await b.closed).code).toBe(1006)
  })
})

describe.each(['1', '2'])('row 37: while WEB_CONCURRENCY=%s drains,', (WEB_CONCURRENCY) => {
  const paths = ['/healthz', '/readyz', '/metrics', '/']

  test('every request is answered as long as one pipe lives', async () => {
    const { command, url } = await Command.serve({ WEB_CONCURRENCY, DRAIN_TIMEOUT: '60000' })
    const [a, b] = await pair(url)
    const port = Number(new URL(url).port)
    const answers: (number | string)[] = []
    // some come before the signal, the others while the workers without a pipe end
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let n = 0; n < 60; n++) {
        if (client === 0 && n === 10) command.child.kill('SIGTERM')
        answers.push(await answerOn(await RawSocket.open(port), paths[(client + n) % 4]!))
      }
    })
    await Promise.all(clients)
    expect(answers.filter((answer) => answer !== 200 && answer !== 503)).toEqual([])
    expect(answers.length).toBe(480)
    await a.close(1000, 'done')
    await b.closed
    expect((await within(command.ended, 'the end')).code).toBe(0)
  })

  test('the last request is answered whose connection was there before the port closed', async () => {
    const { command, url } = await Command.serve({ WEB_CONCURRENCY })
    const [a] = await pair(url)
    const port = Number(new URL(url).port)
    command.child.kill('SIGTERM')
    await eventually(() => command.output.includes('draining'), 'the drain')
    const late = await Promise.all(Array.from({ length: 8 }, () => RawSocket.open(port)))
    // each is with the process that reads request lines once another request after it is answered
    for (let n = 0; n < 4; n++) await answerOn(await RawSocket.open(port), '/healthz')
    void a.close(1000, 'done')
    const answers = late.map((raw) => answerOn(raw, '/healthz'))
    expect(await Promise.all(answers)).toEqual(Array(8).fill(200))
    expect((await within(command.ended, 'the end')).code).toBe(0)
  })
})

test('row 37: nothing in flight is lost when it is told to end under load', async () => {
  const { command, url } = await Command.serve()
  const [a, b] = await pair(url)
  const count = 20_000
  let received = 0
  let wrong = 0
  b.ws.removeAllListeners('message')
  b.ws.on('message', (data: Buffer) => {
    if (data.readUInt32BE() !== received) wrong++
    received++
  })
  for (let i = 0; i < count; i++) {
    const message = Buffer.alloc(1_024)
    message.writeUInt32BE(i)
    a.send(message)
    if (i === count / 2) command.child.kill('SIGTERM')
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const start = performance.now()
  a.ws.close(1000, 'all of it')
  expect(await within(b.closed, 'the close')).toEqual({ code: 1000, reason: 'all of it' })
  expect({ received, wrong }).toEqual({ received: count, wrong: 0 })
  const { code } = await within(command.ended, 'the end')
  expect(code).toBe(0)
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('row 37: a pipe that goes on is closed with 1012 after the drain timeout', async () => {
  const { command, url } = await Command.serve({ DRAIN_TIMEOUT: '500' })
  const [a, b] = await pair(url)
  const start = performance.now()
  const ended = command.end()
  a.send('the last word')
  expect((await b.messages.next()).text).toBe('the last word')
  expect([(await a.closed).code, (await b.closed).code]).toEqual([1012, 1012])
  expect(performance.now() - start).toBeGreaterThanOrEqual(490)
  expect((await ended).code).toBe(0)
})
