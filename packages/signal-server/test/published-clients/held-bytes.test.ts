import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Network } from './harness/network.js'
import { expectSame } from './harness/talk.js'
import { PUBLISHED } from './harness/test-client.js'

const key = 'happy-raccoon'
let network: Network

beforeEach(async () => {
  network = await Network.open()
})
afterEach(() => network.close())

/**
 * A connection of `early` to `late` that waits and has already sent: the server has read all of it
 * when it answers the ping behind it. Then `early` joins, so that `late` is introduced.
 */
async function sendAndWait(messages: readonly (string | Buffer)[]): Promise<WebSocket> {
  const early = new WebSocket(`${network.url}/connection/early/late/${key}`)
  await once(early, 'open')
  for (const message of messages) early.send(message)
  early.ping()
  await once(early, 'pong')

  const introduction = new WebSocket(`${network.url}/introduction/early`, 'signal.v1')
  await once(introduction, 'open')
  introduction.send(JSON.stringify({ type: 'Join', join: [key] }))
  return early
}

describe.each(PUBLISHED)('bytes that were held for a %s client', (generation) => {
  test.each([1, 200])('all arrive, in order, where %i messages waited', async (count) => {
    const messages = Array.from({ length: count }, (_, n) =>
      n % 2 === 0 ? `message ${n}` : Buffer.from([n % 256, 0, 255]),
    )
    const early = await sendAndWait(messages)
    const pipe = await network.start(generation, 'late', key).peer('early', key)
    expectSame(await pipe.next(count), messages)

    pipe.send('got them')
    const [reply] = (await once(early, 'message')) as [Buffer]
    expect(reply.toString()).toBe('got them')
  })

  test('arrive before what is sent afterwards, and before the close', async () => {
    const early = await sendAndWait(['held'])
    const pipe = await network.start(generation, 'late', key).peer('early', key)
    early.send('sent later')
    early.close(4000, 'done')
    expect(await pipe.next(2)).toEqual(['held', 'sent later'])
    expect(await pipe.closed).toEqual({ code: 4000, reason: 'done' })
  })

  test('arrive as soon as it listens, long before the server stops waiting for that', async () => {
    const times: number[] = []
    for (let round = 0; round < 5; round++) {
      await sendAndWait(['held'])
      const late = network.start(generation, 'late', key)
      const pipe = await late.peer('early', key)
      const since = performance.now()
      await pipe.next()
      times.push(performance.now() - since)
      await late.close()
    }
    // The server waits for 1 s at most; the best of five hides what a busy machine adds.
    expect(Math.min(...times)).toBeLessThan(300)
  })
})
