import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { Client } from 'signal-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

const executablePath = '/usr/bin/chromium'
const script = fileURLToPath(new URL('../dist/server.js', import.meta.url))
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
const silence = ['--disable-background-networking', '--disable-component-update', '--disable-sync']

// continuous integration has to have it
const missing = !existsSync(executablePath) && !process.env.CI

describe.skipIf(missing)('the chat in Chromium (skipped where it is not installed)', () => {
  let server: ChildProcessWithoutNullStreams
  let browser: Browser
  let url: string

  beforeAll(async () => {
    server = spawn(process.execPath, [script], { env: { ...process.env, PORT: '0' } })
    const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
    url = line.replace(/^.*(?=http)/, '')
    browser = await chromium.launch({ executablePath, args: [...flags, ...silence] })
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    server.kill()
  })

  /** A window of its own, with a name. */
  async function open(name: string, room = ''): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    await page.goto(url + room)
    await page.fill('#name', name)
    await page.press('#name', 'Enter')
    return page
  }

  async function shows(page: Page, text: string): Promise<void> {
    await page.getByText(text, { exact: true }).first().waitFor()
  }

  it('lets two windows find each other, talk, rename and leave', async () => {
    const alice = await open('Alice')
    const bob = await open('Bob')
    await shows(alice, 'Bob')
    await shows(bob, 'Alice')

    await alice.fill('#text', 'hello from Alice')
    await alice.press('#text', 'Enter')
    await shows(bob, 'hello from Alice')
    await bob.fill('#text', 'hello from Bob')
    await bob.press('#text', 'Enter')
    await shows(alice, 'hello from Bob')

    await bob.fill('#name', 'Robert')
    await bob.press('#name', 'Enter')
    await shows(alice, 'Robert')

    await bob.close()
    await shows(alice, 'Robert has left')
    expect(await alice.locator('#compose').isVisible()).toBe(true)
  }, 60_000)

  it('tells what is said in one millisecond apart, and keeps the newest 500 messages', async () => {
    const alice = await open('Alice', '#busy')
    const said = Array.from({ length: 20 }, (_, n) => `quickly ${n}`)
    await alice.evaluate((texts) => {
      const input = document.getElementById('text') as HTMLInputElement
      for (const text of texts) {
        input.value = text
        input.form!.requestSubmit()
      }
    }, said)
    const client = new Client({ url: `${url}/signal`, id: 'bob', keys: ['busy'] })
    onTestFinished(() => client.close())
    const history = new Promise<string>((resolve) => {
      client.on('peer', (_peer, _key, socket) => {
        socket.onmessage = ({ data }) => resolve(data as string)
        const messages = Array.from({ length: 600 }, (_, n) => {
          const text = `message ${n}`
          return { id: text, author: 'bob', name: 'Bob', text, at: Date.now() + n }
        })
        socket.send(JSON.stringify(messages))
      })
    })
    expect((JSON.parse(await history) as { text: string }[]).map(({ text }) => text)).toEqual(said)
    await shows(alice, 'message 599')
    const texts = await alice.locator('.message p').allTextContents()
    expect(texts).toEqual(Array.from({ length: 500 }, (_, n) => `message ${n + 100}`))
  }, 60_000)

  it.each(['#%', '#.', '#a%00'])(
    'says that there is no room at %s',
    async (hash) => {
      const page = await (await browser.newContext()).newPage()
      const errors: Error[] = []
      page.on('pageerror', (error) => errors.push(error))
      await page.goto(url + hash)
      await shows(page, 'this address names no room')
      expect(await page.locator('#state').getAttribute('data-state')).toBe('closed')
      await page.evaluate(() => (location.hash = '#raccoons'))
      await shows(page, 'connected')
      expect(errors).toEqual([])
    },
    60_000,
  )
})
