import { expect, test } from 'vitest'
import { run } from './harness/program.js'
import { Stage } from './harness/stage.js'

/** What React Native, or Safari before 16, does not have. */
const missing = ['EventTarget', 'Event', 'MessageEvent', 'ReadableStream', 'WritableStream']

/** A program that has only some of the globals, and a WebSocket that its client is given. */
const programOn = (without: string[], body: string) => `
  import { WebSocket } from 'ws'
  for (const name of ${JSON.stringify(without)}) delete globalThis[name]
  delete AbortSignal.timeout
  const { Client } = await import('../../dist/index.js')
  ${body}`

test('row 67: a platform without EventTarget, MessageEvent and the like is enough', async () => {
  const { url } = await Stage.open()
  const { stdout, stderr } = await run(
    programOn(
      missing,
      `const [alice, bob] = ['alice', 'bob'].map(
         (id) => new Client({ url: '${url}', id, keys: ['k'], WebSocket }))
       alice.on('peer', (peer, key, socket) => socket.send('hello'))
       bob.on('peer', (peer, key, socket) => {
         socket.onmessage = ({ data }) => {
           console.log(data)
           try { socket.onmessage = null; peer.stream(key) } catch (error) { console.log(error.message) }
           void Promise.all([alice.close(), bob.close()])
         }
       })`,
    ),
  )
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').sort()).toEqual(['ReadableStream is not defined', 'hello'])
})

test.each(['WebSocket', 'crypto'])(
  'row 67: a platform without %s is told so at once',
  async (name) => {
    const { stdout } = await run(
      programOn(
        [name],
        `try { new Client({ url: 'http://127.0.0.1:9' }) } catch ({ message }) { console.log(message) }`,
      ),
    )
    expect(stdout.trim()).toBe(`${name} is not defined`)
  },
)

test('the handlers of a pipe are accessors of its class, so that nobody else calls them', async () => {
  const stage = await Stage.open()
  const [{ socket }] = await stage.pair()
  socket.onmessage = () => {}
  for (const name of ['onmessage', 'onclose']) {
    expect(Object.hasOwn(socket, name)).toBe(false)
    expect(name in socket).toBe(true)
  }
})
