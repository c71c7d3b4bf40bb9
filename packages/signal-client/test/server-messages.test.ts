import { setTimeout } from 'node:timers/promises'
import { PAIRED_TEXT } from 'signal-server-protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ScriptedServer, tell } from './harness/scripted-server.js'
import { clientOf } from './harness/stage.js'

const again = { timeout: 30_000 }

test.each([
  'no JSON',
  '',
  'null',
  '5',
  '[]',
  '{}',
  '{"type":5}',
  '{"type":"Introduction"}',
  '{"type":"Introduction","id":"bob"}',
  '{"type":"Introduction","id":"bob","keys":"k"}',
  '{"type":"Introduction","id":"bob","keys":["k",null]}',
  '{"type":"Introduction","id":5,"keys":["k"]}',
  '{"type":"Departure","id":"bob","keys":{}}',
  '{"type":"Update"}',
  '{"type":"Signal","signal":1}',
  '{"type":"Error"}',
  '{"type":"constructor"}',
])('row 67: %j from the server is an error at most, and harms nothing', async (text) => {
  const server = await ScriptedServer.open()
  const { client, told } = clientOf(server.url, 'alice')
  const introductions = await server.introductions.next()
  introductions.send(text)
  introductions.send(Buffer.from([1, 2, 3]))
  const [first] = await told.error.next()
  expect(first).toMatchObject({ name: 'SignalError', code: 'bad_server_message' })
  expect(first.message).toMatch(/^(TypeError: Not a message of a server|SyntaxError|TypeError)/)
  expect(client.state).toBe('connected')
  tell(introductions, { type: 'Introduction', id: 'bob', keys: ['k'] })
  const pipe = await server.pipes.next()
  pipe.send(PAIRED_TEXT)
  await told.peer.next()
})

test('a type of message that only a newer server knows is no error', async () => {
  const server = await ScriptedServer.open()
  const { told } = clientOf(server.url, 'alice')
  const introductions = await server.introductions.next()
  tell(introductions, { type: 'Weather', clouds: true })
  tell(introductions, { type: 'Signal', from: 'bob', signal: 'after it' })
  await told.signal.next()
  expect(told.error.seen).toEqual([])
})

test('row 67: a token that never comes is an error, and is asked for again', again, async () => {
  const server = await ScriptedServer.open()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  let asked = 0
  const token = () => (asked++ === 0 ? new Promise<string>(() => {}) : 'good')
  const { told } = clientOf(server.url, 'alice', { token })
  vi.advanceTimersByTime(29_999)
  await setTimeout(0)
  expect(told.disconnected.seen).toEqual([])
  vi.advanceTimersByTime(1)
  await setTimeout(0)
  vi.useRealTimers()
  const [error] = await told.error.next()
  expect(error).toMatchObject({ code: 'dial_failed' })
  expect(error.message).toMatch(/token/)
})

test.each([
  ['that fails', () => Promise.reject(new Error('offline'))],
  [
    'that throws',
    () => {
      throw new Error('offline')
    },
  ],
])('row 67: a token function %s is an error with its sentence', again, async (_, broken) => {
  const server = await ScriptedServer.open()
  let asked = 0
  const token = () => (asked++ < 2 ? broken() : 'good')
  const { client, told } = clientOf(server.url, 'alice', { token })
  expect((await told.error.next())[0]).toMatchObject({
    code: 'dial_failed',
    message: 'Error: offline',
  })
  await told.connected.next()
  expect([client.state, told.error.seen.length]).toEqual(['connected', 1])
})

test('row 67: a token that no subprotocol can be named after is an error', again, async () => {
  const server = await ScriptedServer.open()
  const { told } = clientOf(server.url, 'alice', { token: 'with a space' })
  expect((await told.error.next())[0]).toMatchObject({ code: 'dial_failed' })
})

test('row 67: a clock that is set back changes nothing', again, async () => {
  const server = await ScriptedServer.open()
  const { told } = clientOf(server.url, 'alice')
  const introductions = await server.introductions.next()
  const introduce = (again?: true) =>
    tell(introductions, { type: 'Introduction', id: 'bob', keys: ['k'], again })
  introduce()
  ;(await server.pipes.next()).send(PAIRED_TEXT)
  await told.peer.next()
  const now = performance.now()
  const clocks = [
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000),
    vi.spyOn(performance, 'now').mockReturnValue(now + 6_000),
  ]
  onTestFinished(() => clocks.forEach((clock) => clock.mockRestore()))
  // a pipe of six seconds that the server knows to be gone is dialled again
  introduce(true)
  expect((await told['peer-left'].next())[2]).toBe('lost')
  await server.pipes.next()
})
