import { once } from 'node:events'
import type { Page } from 'playwright-core'
import type { Sendable } from 'signal-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BrowserStage, hasChromium, needChromium } from './harness/browser.js'
import { run } from './harness/program.js'
import { ended, Stage, talk } from './harness/stage.js'

const bytes = [0, 1, 2, 3, 4, 5, 6, 7]
/** Of eight bytes, all that WebSocket takes. */
const makers: Record<string, (buffer: ArrayBuffer) => Sendable> = {
  'an ArrayBuffer': (buffer) => buffer,
  'a Uint8Array': (buffer) => new Uint8Array(buffer),
  'a DataView': (buffer) => new DataView(buffer),
  'a Float64Array': (buffer) => new Float64Array(buffer),
  'a BigUint64Array': (buffer) => new BigUint64Array(buffer),
  'a Blob': (buffer) => new Blob([buffer]),
}
/** What a WebSocket would send by its name, or crash with. */
const refused: [string, unknown][] = [
  ['a number', 5],
  ['nothing', undefined],
  ['null', null],
  ['an object', { text: 'hello' }],
  ['a list', [1, 2, 3]],
  ['a Set', new Set([1])],
  ['a promise', Promise.resolve('hello')],
  ['a shared buffer', new SharedArrayBuffer(8)],
]

const bufferOf = (values: number[]) => new Uint8Array(values).buffer

describe('row 68: in Node', () => {
  test.each(Object.keys(makers))('%s can be sent', async (name) => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    expect(alice.socket.send(makers[name]!(bufferOf(bytes)))).toBe(true)
    alice.socket.send('after it')
    expect(await bob.received.next()).toEqual(bufferOf(bytes))
    expect(await bob.received.next()).toBe('after it')
    await alice.client.close()
  })

  test('part of a buffer is sent as that part', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    alice.socket.send(new DataView(bufferOf(bytes), 2, 3))
    expect(await bob.received.next()).toEqual(bufferOf([2, 3, 4]))
  })

  test.each(refused)('%s is a TypeError, and the pipe lives on', async (_, data) => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    expect(() => alice.socket.send(data as string)).toThrow(TypeError)
    await talk(alice, bob)
    expect(bob.received.seen).toEqual(['to and'])
  })

  test.each(refused)('%s in a stream is a TypeError', async (_, data) => {
    const stage = await Stage.open()
    const alice = stage.client('alice')
    const bob = stage.client('bob')
    const [[peer]] = await Promise.all([alice.told.peer.next(), bob.told.peer.next()])
    const writer = peer.stream('k')!.writable.getWriter()
    writer.closed.catch(() => {})
    await expect(writer.write(data as string)).rejects.toThrow(TypeError)
  })

  test('a process that has sent a DataView and a Blob can close', async () => {
    const { url } = await Stage.open()
    const { stdout, stderr } = await run(`
      import { Client } from 'signal-client'
      const [alice, bob] = ['alice', 'bob'].map((id) => new Client({ url: '${url}', id, keys: ['k'] }))
      alice.on('peer', (peer, key, socket) => {
        socket.send(new DataView(new ArrayBuffer(8)))
        socket.send(new Blob(['12345678']))
        socket.close()
      })
      bob.on('peer', (peer, key, socket) => {
        socket.onmessage = ({ data }) => console.log(data.byteLength)
        socket.onclose = () => Promise.all([alice.close(), bob.close()]).then(() => console.log('closed'))
      })`)
    expect([stdout.trim().split('\n'), stderr]).toEqual([['8', '8', 'closed'], ''])
  })

  test('what is sent on a pipe that is closing or has ended is refused', async () => {
    const stage = await Stage.open()
    const [alice, bob] = await stage.pair()
    alice.socket.close()
    expect(alice.socket.send('too late')).toBe(false)
    const closed = once(bob.socket, 'close')
    await closed
    expect(bob.socket.send('too late')).toBe(false)
  })
})

describe('row 68: in Chromium', () => {
  let browser: BrowserStage | undefined

  beforeAll(async () => {
    if (hasChromium) browser = await BrowserStage.open()
  })
  beforeEach((context) => needChromium(context))
  afterAll(() => browser?.close())

  async function meet() {
    const stage = await Stage.open()
    const page: Page = await browser!.page()
    await page.evaluate((url) => start({ url, id: 'ada' }), stage.url)
    const bob = await ended(stage.client('bob'))
    await page.waitForFunction(() => 'bob' in sockets)
    return { page, bob }
  }

  test.each(Object.keys(makers))('%s can be sent', async (name) => {
    const { page, bob } = await meet()
    const code = `(${String(makers[name])})(new Uint8Array([${bytes.join()}]).buffer)`
    await page.evaluate((code) => sockets.bob!.send((0, eval)(code) as string), code)
    expect(await bob.received.next()).toEqual(bufferOf(bytes))
  })

  test('all else is a TypeError, and nothing of it is sent', async () => {
    const { page, bob } = await meet()
    const names = await page.evaluate(() =>
      [5, undefined, null, {}, [1], new Set([1]), new Date()].map((data) => {
        try {
          return sockets.bob!.send(data as string)
        } catch (error) {
          return (error as Error).name
        }
      }),
    )
    expect(new Set(names)).toEqual(new Set(['TypeError']))
    await page.evaluate(() => sockets.bob!.send('and then this'))
    expect(await bob.received.next()).toBe('and then this')
  })
})
