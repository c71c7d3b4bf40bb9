import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
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

test.each(['node.js', 'index.js'])(
  'a build that loads a module with a client of %s with connect: false opens no socket and ends',
  async (entry) => {
    let connections = 0
    const server = createServer(() => connections++).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    // Node 20 has no WebSocket, and newer ones have one
    const { stdout, stderr } = await run(`
      if ('${entry}' === 'node.js') delete globalThis.WebSocket
      else globalThis.WebSocket ??= class {}
      const { Client } = await import('../../dist/${entry}')
      const before = process.getActiveResourcesInfo().length
      const client = new Client({ url: 'http://127.0.0.1:${port}', keys: ['k'], connect: false })
      console.log(client.state, process.getActiveResourcesInfo().length - before)`)
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe('disconnected 0')
    expect(connections).toBe(0)
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

test('row 66: in happy-dom each message and the end of a pipe is delivered once', async () => {
  const { url } = await Stage.open()
  const names = ['EventTarget', 'Event', 'MessageEvent', 'CloseEvent', 'WebSocket', 'Blob']
  const { stdout, stderr } = await run(`
    import { Window } from 'happy-dom'
    const window = new Window({ url: 'http://localhost:3000/' })
    for (const name of ${JSON.stringify(names)}) globalThis[name] = window[name]
    const { Client } = await import('../../dist/index.js')
    const [alice, bob] = ['alice', 'bob'].map(
      (id) => new Client({ url: '${url}', id, keys: ['k'] }))
    alice.on('peer', (peer, key, socket) => {
      for (const data of ['one', new Uint8Array([2]), 'last']) socket.send(data)
    })
    bob.on('peer', (peer, key, socket) => {
      const plain = ({ data }) => (typeof data === 'string' ? data : new Uint8Array(data)[0])
      socket.addEventListener('message', (event) => console.log('listener', plain(event)))
      socket.onmessage = (event) => {
        console.log('handler', plain(event))
        if (event.data === 'last') void alice.close()
      }
      socket.onclose = () => {
        console.log('closed')
        void bob.close()
      }
    })`)
  expect(stderr).toBe('')
  const heard = ['one', '2', 'last'].flatMap((data) => [`listener ${data}`, `handler ${data}`])
  expect(stdout.trim().split('\n')).toEqual([...heard, 'closed'])
})
