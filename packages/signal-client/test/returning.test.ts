import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { PAIRED_TEXT } from 'signal-server-protocol'
import { ScriptedServer, tell } from './harness/scripted-server.js'
import { clientOf, ended, Stage, talk } from './harness/stage.js'

const again = { timeout: 30_000 }

test.each([1001, 1007, 1008, 1009, 1011, 1014])(
  'row 65: a pipe that something ends with %d comes back by itself',
  again,
  async (code) => {
    const server = await ScriptedServer.open()
    const { told } = clientOf(server.url, 'alice')
    tell(await server.introductions.next(), { type: 'Introduction', id: 'bob', keys: ['k'] })
    const pipe = await server.pipes.next()
    pipe.send(PAIRED_TEXT)
    await told.peer.next()
    pipe.close(code)
    const [, , why] = await told['peer-left'].next()
    expect(why).toBe(code === 1001 ? 'closed' : 'lost')
    const next = await server.pipes.next('another attempt')
    next.send(PAIRED_TEXT)
    await told.peer.next()
  },
)

test(
  'row 65: a message of more than 100 MiB to a peer in Node is an error on both sides, and the pipe comes back',
  again,
  async () => {
    const stage = await Stage.open()
    const pair = await stage.pair()
    const [alice, bob] = pair
    alice.socket.send(new Uint8Array(101 * 1024 * 1024))
    for (const { told } of [alice, bob]) {
      const [error] = await told.error.next('the error', 20_000)
      expect(error).toMatchObject({ code: 'message_too_big', keys: ['k'] })
      expect((await told['peer-left'].next())[2]).toBe('lost')
    }
    const anew = await Promise.all(pair.map(ended))
    await talk(anew[0]!, anew[1]!)
  },
)

test('row 65: an opening that nobody answers ends after 30 s, and another begins', async () => {
  const deaf = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void deaf.close())
  await once(deaf, 'listening')
  const { port } = deaf.address() as AddressInfo
  const pipes: WebSocket[] = []
  /** The first pipe is dialled where nobody answers. */
  class Diverted extends WebSocket {
    constructor(url: string, protocols: string[]) {
      const isPipe = url.includes('/connection/')
      super(isPipe && !pipes.length ? url.replace(/:\d+/, `:${port}`) : url, protocols)
      if (isPipe) pipes.push(this)
    }
  }
  const server = await ScriptedServer.open()
  clientOf(server.url, 'alice', { WebSocket: Diverted })
  const introductions = await server.introductions.next()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  tell(introductions, { type: 'Introduction', id: 'bob', keys: ['k'] })
  const [connection] = (await once(deaf, 'connection')) as [Socket]
  connection.on('error', () => {})
  vi.advanceTimersByTime(29_999)
  expect(pipes.map(({ readyState }) => readyState)).toEqual([WebSocket.CONNECTING])
  vi.advanceTimersByTime(1)
  expect(pipes[0]!.readyState).toBe(WebSocket.CLOSING)
  vi.useRealTimers()
  await server.pipes.next('the second attempt')
})
