import type { Page } from 'playwright-core'
import type { Client, ClientOptions, PipeSocket } from 'signal-client'
import { HttpRefusal } from 'signal-server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BrowserStage, hasChromium, needChromium } from './harness/browser.js'
import { ended, Stage } from './harness/stage.js'

/** What the pages have, see harness/browser.ts. */
declare global {
  var start: (options: Partial<ClientOptions>) => string
  var client: Client
  var told: [string, ...unknown[]][]
  var sockets: Record<string, PipeSocket>
  var received: Record<string, unknown[]>
  var quiet: boolean
}

let browser: BrowserStage | undefined

beforeAll(async () => {
  // where there is none, each test says so
  if (hasChromium) browser = await BrowserStage.open()
})
beforeEach((context) => needChromium(context))
afterAll(() => browser?.close())

const page = (options?: Parameters<BrowserStage['page']>[0]) => browser!.page(options)

const startIn = (page: Page, url: string, id?: string, more: Partial<ClientOptions> = {}) =>
  page.evaluate((options: object) => start(options), { url, ...(id && { id }), ...more } as object)

/** Waits until a page was told so much. */
const toldIn = (page: Page, event: string, count = 1) =>
  page
    .waitForFunction(
      ([event, count]) => told.filter(([name]) => name === event).length >= count && told,
      [event, count] as const,
      { timeout: 20_000 },
    )
    .then((handle) => handle.jsonValue() as Promise<[string, ...unknown[]][]>)

const sendIn = (page: Page, to: string, ...messages: string[]) =>
  page.evaluate(
    ([to, messages]) => {
      for (const message of messages) sockets[to]!.send(message)
    },
    [to, messages] as const,
  )

const receivedIn = (page: Page, from: string, count: number) =>
  page
    .waitForFunction(
      ([from, count]) => (received[from]?.length ?? 0) >= count && received[from],
      [from, count] as const,
      { timeout: 20_000 },
    )
    .then((handle) => handle.jsonValue())

/** Two pages that are connected. */
async function pair(stage: Stage): Promise<[Page, Page]> {
  const pages = await Promise.all([page(), page()])
  await Promise.all([startIn(pages[0], stage.url, 'ada'), startIn(pages[1], stage.url, 'grace')])
  await Promise.all(pages.map((each) => toldIn(each, 'peer')))
  return pages
}

async function chat(ada: Page, grace: Page, ...words: string[]): Promise<void> {
  await Promise.all([sendIn(ada, 'grace', ...words), sendIn(grace, 'ada', ...words)])
  expect(await receivedIn(ada, 'grace', words.length)).toEqual(words)
  expect(await receivedIn(grace, 'ada', words.length)).toEqual(words)
}

describe('two pages', () => {
  test('find each other and chat', async () => {
    const [ada, grace] = await pair(await Stage.open())
    await chat(ada, grace, 'hello', '', 'ĝis la revido 👋')
  })

  test('lose nothing of many messages, and get none twice', async () => {
    const [ada, grace] = await pair(await Stage.open())
    await chat(ada, grace, ...Array.from({ length: 5_000 }, (_, n) => `message ${n}`))
  })

  test('exchange bytes', async () => {
    const [ada, grace] = await pair(await Stage.open())
    const echo = await grace.evaluateHandle(() => {
      sockets.ada!.onmessage = ({ data }) => sockets.ada!.send(data)
    })
    const back = await ada.evaluate(async () => {
      const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251)
      const arrived = new Promise<ArrayBuffer>((resolve) => {
        sockets.grace!.onmessage = ({ data }) => resolve(data as ArrayBuffer)
      })
      sockets.grace!.send(bytes.subarray(1))
      // what is sent is what was there when it was sent
      bytes.fill(0)
      const got = new Uint8Array(await arrived)
      return [got.length, got.every((byte, at) => byte === (at + 1) % 251)]
    })
    expect(back).toEqual([2_999_999, true])
    await echo.dispose()
  })

  test('are told when one of them is closed', async () => {
    const [ada, grace] = await pair(await Stage.open())
    await grace.close()
    expect(await toldIn(ada, 'peer-left')).toContainEqual(['peer-left', 'grace', 'k', 'closed'])
  })

  test('are told when one of them crashes', async () => {
    const [ada, grace] = await pair(await Stage.open())
    await grace.goto('chrome://crash').catch(() => {})
    const left = (await toldIn(ada, 'peer-left')).find(([event]) => event === 'peer-left')
    expect(left?.[1]).toBe('grace')
    expect(await ada.evaluate(() => client.peers.size)).toBe(0)
  })

  test('find each other again after a restart of the server', { timeout: 40_000 }, async () => {
    const stage = await Stage.open()
    const [ada, grace] = await pair(stage)
    await stage.stop()
    await Promise.all([ada, grace].map((each) => toldIn(each, 'disconnected')))
    await stage.start()
    for (const each of [ada, grace]) {
      expect(await toldIn(each, 'peer', 2)).toContainEqual([
        'peer-left',
        expect.any(String),
        'k',
        'lost',
      ])
    }
    await chat(ada, grace, 'still there')
  })

  test('see the close code and the reason of the other', async () => {
    const [ada, grace] = await pair(await Stage.open())
    const closed = grace.evaluate(
      () =>
        new Promise((resolve) => {
          sockets.ada!.onclose = ({ code, reason }) => resolve([code, reason])
        }),
    )
    await ada.evaluate(() => sockets.grace!.close(4000, 'that was all'))
    expect(await closed).toEqual([4000, 'that was all'])
    expect(await toldIn(ada, 'peer-left')).toContainEqual(['peer-left', 'grace', 'k', 'closed'])
  })

  test('get all that was sent before a close', async () => {
    const stage = await Stage.open()
    const [ada, bob] = [await page(), stage.client('bob')]
    await startIn(ada, stage.url, 'ada')
    await toldIn(ada, 'peer')
    const { received, told: heard } = await ended(bob)
    await ada.evaluate(() => {
      for (let n = 0; n < 500; n++) sockets.bob!.send(`${n} ${'x'.repeat(10_000)}`)
      sockets.bob!.close(4000, 'that was all')
    })
    expect(await heard['peer-left'].next('the end')).toEqual([expect.anything(), 'k', 'closed'])
    expect(received.seen.map((text) => parseInt(text as string))).toEqual([...Array(500).keys()])
  })

  test('that read a stream slowly get all that was sent before a close', async () => {
    const stage = await Stage.open()
    const [ada, grace] = await Promise.all([page(), page()])
    await grace.evaluate(() => (globalThis.quiet = true))
    await Promise.all([startIn(ada, stage.url, 'ada'), startIn(grace, stage.url, 'grace')])
    await Promise.all([ada, grace].map((each) => toldIn(each, 'peer')))
    const read = grace.evaluate(async () => {
      const got: string[] = []
      for await (const chunk of client.peers.get('ada')!.stream('k')!) {
        got.push((chunk as string).trimEnd())
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
      return got
    })
    await ada.evaluate(() => {
      for (let n = 0; n < 120; n++) sockets.grace!.send(String(n).padEnd(1_024))
      sockets.grace!.close()
    })
    expect(await read).toEqual(Array.from({ length: 120 }, (_, n) => String(n)))
    expect(await toldIn(grace, 'peer-left')).toContainEqual(['peer-left', 'ada', 'k', 'closed'])
  })

  test('can use a pipe on after a close code that is not allowed', async () => {
    const [ada, grace] = await pair(await Stage.open())
    const refusal = await ada.evaluate(() => {
      try {
        sockets.grace!.close(5)
      } catch (error) {
        return (error as Error).name
      }
    })
    expect(refusal).toBe('InvalidAccessError')
    await chat(ada, grace, 'still here')
  })

  test('end a stream that is cancelled while much comes', async () => {
    const stage = await Stage.open()
    const [ada, bob] = [await page(), stage.client('bob')]
    await ada.evaluate(() => (globalThis.quiet = true))
    await startIn(ada, stage.url, 'ada')
    await toldIn(ada, 'peer')
    const { socket } = await ended(bob)
    for (let n = 0; n < 500; n++) socket.send('x'.repeat(20_000))
    await ada.evaluate(async () => {
      const reader = client.peers.get('bob')!.stream('k')!.readable.getReader()
      await reader.read()
      await reader.cancel()
    })
    expect(await toldIn(ada, 'peer-left')).toContainEqual(['peer-left', 'bob', 'k', 'closed'])
  })

  test('stream 4,000 messages each way to a slow reader', { timeout: 40_000 }, async () => {
    const stage = await Stage.open()
    const pages = await Promise.all([page(), page()])
    const ids = ['ada', 'grace']
    for (const [at, each] of pages.entries()) {
      await each.evaluate(() => (globalThis.quiet = true))
      await startIn(each, stage.url, ids[at])
    }
    const sums = pages.map(async (each, at) => {
      await toldIn(each, 'peer')
      return each.evaluate(
        async (other) => {
          const { readable, writable } = client.peers.get(other)!.stream('k')!
          const writing = (async () => {
            const writer = writable.getWriter()
            for (let n = 0; n < 4_000; n++) await writer.write(`${n} ${'x'.repeat(300)}`)
          })()
          const reader = readable.getReader()
          for (let n = 0; n < 4_000; n++) {
            const { value } = await reader.read()
            if (value !== `${n} ${'x'.repeat(300)}`) return `${n}: ${String(value)}`
            if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve))
          }
          await writing
          return 'all'
        },
        ids[1 - at]!,
      )
    })
    expect(await Promise.all(sums)).toEqual(['all', 'all'])
  })

  test(
    'notice at once that the network was gone when it is back',
    { timeout: 40_000 },
    async () => {
      const stage = await Stage.open()
      const proxy = await stage.proxy()
      const [ada, bob] = [await page(), stage.client('bob')]
      await startIn(ada, `http://127.0.0.1:${proxy.port}`, 'ada')
      await toldIn(ada, 'peer')
      await ended(bob)
      proxy.cut()
      await ada.evaluate(() => dispatchEvent(new Event('online')))
      await toldIn(ada, 'peer', 2)
      const again = await ended(bob)
      await sendIn(ada, 'bob', 'here I am')
      expect(await again.received.next()).toBe('here I am')
    },
  )
})

describe('a page', () => {
  test('without a secure context works as any other', async () => {
    const stage = await Stage.open()
    const url = stage.url.replace('127.0.0.1', 'lan.test')
    const [ada, grace] = await Promise.all([page({ host: 'lan.test' }), page({ host: 'lan.test' })])
    expect(await ada.evaluate(() => [isSecureContext, typeof crypto.randomUUID])).toEqual([
      false,
      'undefined',
    ])
    const ids = await Promise.all([startIn(ada, url), startIn(grace, url)])
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
    await Promise.all([ada, grace].map((each) => toldIn(each, 'peer')))
    await sendIn(ada, ids[1], 'hello')
    expect(await receivedIn(grace, ids[0], 1)).toEqual(['hello'])
  })

  test('tries again at once when it becomes visible', async () => {
    const stage = await Stage.open()
    const ada = await page()
    await startIn(ada, stage.url, 'ada')
    await toldIn(ada, 'connected')
    // no attempt comes by itself
    await ada.evaluate(() => (globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout))
    await stage.stop()
    await toldIn(ada, 'disconnected')
    await stage.start()
    const states = await ada.evaluate(() =>
      [true, false].map((hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
        return client.state
      }),
    )
    expect(states).toEqual(['disconnected', 'connecting'])
    await toldIn(ada, 'connected', 2)
  })

  test('whose key was refused leaves no client behind', async () => {
    const stage = await Stage.open()
    const ada = await page()
    await expect(startIn(ada, stage.url, 'ada', { keys: ['k', ''] })).rejects.toThrow('Not an id')
    // a client that lived on would connect now
    await ada.evaluate(() => dispatchEvent(new Event('online')))
    await startIn(ada, stage.url, 'grace')
    await toldIn(ada, 'connected')
    expect(stage.server.stats().endpoints.introduction?.sessions).toBe(1)
  })

  test('that leaves a key while a token is on its way has no error', async () => {
    const stage = await Stage.open()
    const [ada, bob] = [await page(), stage.client('bob')]
    await bob.told.connected.next()
    const errors: Error[] = []
    ada.on('pageerror', (error) => errors.push(error))
    await ada.evaluate(async (url) => {
      let give: (token: string) => void = () => {}
      await new Promise<void>((wanted) => {
        const second = () => {
          wanted()
          return new Promise<string>((given) => (give = given))
        }
        const tokens = [() => 'first', second]
        start({ url, token: () => tokens.shift()?.() ?? 'third' })
      })
      client.leave('k')
      give('second')
      client.join('k')
    }, stage.url)
    await toldIn(ada, 'peer')
    expect(errors).toEqual([])
  })

  test('is told why it was refused', async () => {
    const stage = await Stage.open({
      authorize: (_request, _claim, token) => {
        if (token !== 'good') throw new HttpRefusal(401, 'unauthorized', 'A token is needed.')
        return true
      },
    })
    const [ada, grace] = await Promise.all([page(), page()])
    await startIn(ada, stage.url, 'ada', { token: 'bad' })
    expect(await toldIn(ada, 'error')).toContainEqual(['error', 'unauthorized'])
    expect(await ada.evaluate(() => client.state)).toBe('closed')
    await startIn(grace, stage.url, 'grace', { token: 'good' })
    await toldIn(grace, 'connected')
  })

  // less than the 16 MiB that may be unread: a browser cannot hold a writer back
  test('reads 12 MiB that Node writes at once', { timeout: 60_000 }, async () => {
    const stage = await Stage.open()
    const ada = await page()
    await ada.evaluate(() => (globalThis.quiet = true))
    await startIn(ada, stage.url, 'ada')
    const { told } = stage.client('node')
    const [peer] = await told.peer.next()
    const writer = peer.stream('k')!.writable.getWriter()
    const chunk = new Uint8Array(64 * 1024)
    const total = 12 * 1024 * 1024
    const writing = (async () => {
      for (let written = 0; written < total; written += chunk.length) await writer.write(chunk)
      await writer.close()
    })()
    // each side hears of the other at a time of its own
    await ada.waitForFunction(() => client.peers.has('node'))
    const read = await ada.evaluate(async () => {
      let bytes = 0
      for await (const each of client.peers.get('node')!.stream('k')!) bytes += each.length
      return bytes
    })
    await writing
    expect(read).toBe(total)
  })

  test('ends the pipe when too much is unread, for it cannot hold a writer back', async () => {
    const stage = await Stage.open()
    const ada = await page()
    await ada.evaluate(() => (globalThis.quiet = true))
    await startIn(ada, stage.url, 'ada')
    const { told } = stage.client('node')
    const [, , socket] = await told.peer.next()
    for (let n = 0; n < 20; n++) socket.send(new Uint8Array(1024 * 1024))
    expect(await toldIn(ada, 'error')).toContainEqual(['error', 'overflow'])
    expect(await toldIn(ada, 'peer-left')).toContainEqual(['peer-left', 'node', 'k', 'lost'])
    // and it is connected anew
    await toldIn(ada, 'peer', 2)
  })
})
