import { once } from 'node:events'
import type { PipeMessageEvent } from 'signal-client'
import { describe, expect, test, vi } from 'vitest'
import { Emitter } from '../src/emitter.js'
import { run } from './harness/program.js'
import { RawPeer } from './harness/raw-peer.js'
import { Stage } from './harness/stage.js'

class Source extends Emitter<{ a: [number]; b: [number] }> {
  tell(event: 'a' | 'b', value: number): void {
    this.emit(event, value)
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('row 66: an event of a client', () => {
  test('waits while its listener is taken off', async () => {
    const source = new Source()
    const heard: number[] = []
    const push = (n: number) => heard.push(n)
    source.on('a', push)
    source.tell('a', 1)
    await turn()
    source.off('a', push)
    source.tell('a', 2)
    source.tell('a', 3)
    await turn()
    expect(heard).toEqual([1])
    source.on('a', push)
    await turn()
    expect(heard).toEqual([1, 2, 3])
  })

  test('waits when the listener of the one before has taken itself off', async () => {
    const source = new Source()
    const heard: string[] = []
    const end = source.on('a', (n) => {
      heard.push(`first ${n}`)
      end()
    })
    for (const n of [1, 2, 3]) source.tell('a', n)
    await turn()
    source.once('a', (n) => heard.push(`once ${n}`))
    await turn()
    source.on('a', (n) => heard.push(`last ${n}`))
    await turn()
    expect(heard).toEqual(['first 1', 'once 2', 'last 3'])
  })

  test('is heard once by a listener that was added twice', async () => {
    const source = new Source()
    const heard: number[] = []
    const push = (n: number) => heard.push(n)
    source.on('a', push)
    source.on('a', push)
    source.tell('a', 1)
    await turn()
    expect(heard).toEqual([1])
  })
})

/** A pipe whose messages are the test's own. */
async function pipe() {
  const stage = await Stage.open()
  const alice = stage.client('alice')
  const bob = await RawPeer.join(stage, 'bob')
  const raw = await bob.pipe('alice')
  const [, , socket] = await alice.told.peer.next()
  /** Sends what nobody listens to, and waits until it has come. */
  const sendUnheard = (...messages: string[]) => {
    for (const message of messages) raw.send(message)
    return vi.waitFor(() => expect(socket.inbox.isEmpty).toBe(false))
  }
  return { socket, raw, alice, sendUnheard }
}

describe('row 66: a message of a pipe', () => {
  test.each(['listener', 'handler'])('waits while its %s is taken off', async (kind) => {
    const { socket, raw, sendUnheard } = await pipe()
    const heard: unknown[] = []
    const hear = ({ data }: PipeMessageEvent) => heard.push(data)
    const put = () =>
      kind === 'handler' ? (socket.onmessage = hear) : socket.addEventListener('message', hear)
    const takeOff = () =>
      kind === 'handler' ? (socket.onmessage = null) : socket.removeEventListener('message', hear)
    put()
    raw.send('one')
    await vi.waitFor(() => expect(heard).toEqual(['one']))
    takeOff()
    await sendUnheard('two')
    expect(heard).toEqual(['one'])
    put()
    await turn()
    expect(heard).toEqual(['one', 'two'])
  })

  test('waits when the listener of the one before wanted only one', async () => {
    const { socket, sendUnheard } = await pipe()
    await sendUnheard('one', 'two', 'three')
    const heard: unknown[] = []
    for (let n = 0; n < 3; n++) {
      const [event] = (await once(socket, 'message')) as [PipeMessageEvent]
      heard.push(event.data)
    }
    expect(heard).toEqual(['one', 'two', 'three'])
  })

  test('waits when the signal of its listener was aborted', async () => {
    const { socket, raw, sendUnheard } = await pipe()
    const heard: unknown[] = []
    const end = new AbortController()
    const listener = { handleEvent: ({ data }: PipeMessageEvent) => heard.push(data) }
    socket.addEventListener('message', listener, end)
    raw.send('one')
    await vi.waitFor(() => expect(heard).toEqual(['one']))
    end.abort()
    await sendUnheard('two')
    socket.addEventListener('message', listener, { signal: AbortSignal.abort() })
    await turn()
    expect(heard).toEqual(['one'])
    socket.addEventListener('message', listener)
    await turn()
    expect(heard).toEqual(['one', 'two'])
  })

  test('and its end wait for a listener of their own', async () => {
    const { socket, raw, alice } = await pipe()
    const heard: unknown[] = []
    socket.onmessage = ({ data }) => heard.push(data)
    raw.send('one')
    raw.close(4000, 'done')
    await alice.told['peer-left'].next()
    await turn()
    socket.onclose = ({ code, target }) => heard.push(code, target === socket)
    await turn()
    expect(heard).toEqual(['one', 4000, true])
  })
})

/** What a program with a client writes to its standard error. */
async function complaintsOf(program: string): Promise<string> {
  const { stderr } = await run(`import { Client } from 'signal-client'\n${program}`)
  return stderr
}

describe('row 66: nothing is swallowed:', () => {
  test('an error to which nobody listens is reported', async () => {
    const { url } = await Stage.open()
    const program = `const client = new Client({ url: '${url}/elsewhere' })`
    expect(await complaintsOf(program)).toContain('not_found')
    expect(await complaintsOf(`${program}\nclient.on('error', () => {})`)).toBe('')
  })

  test('a server that is out of reach is reported, too', async () => {
    const program = `
      const client = new Client({ url: 'http://127.0.0.1:9' })
      setTimeout(() => client.close(), 1_500)`
    expect(await complaintsOf(program)).toContain('out of reach')
    expect(await complaintsOf(`${program}\nclient.on('disconnected', () => {})`)).toBe('')
  })
})
