import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Tokens } from 'signal-server'
import {
  callByName,
  callState,
  enter,
  hasChromium,
  launch,
  seeFrames,
  visit,
  withoutChromium,
} from '../../signal-video-call/test/harness/browser.js'
import { Command } from './harness/command.js'

test('the page is not there unless DEMO is on', async () => {
  const { url } = await Command.serve()
  expect((await fetch(`${url}/demo/`)).status).toBe(404)
})

test('the page may run its own scripts and no others', async () => {
  const { url } = await Command.serve({ DEMO: 'on', BASE_PATH: '/signal' })
  const page = await fetch(`${url}/demo`)
  expect(page.url).toBe(`${url}/demo/`)
  expect(await page.text()).toContain('<title>Video call</title>')
  const policy = page.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toMatch(/script-src 'self' 'sha256-[^']+';/)
})

describe.skipIf(!hasChromium)(`in Chromium${withoutChromium}`, () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launch()
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
  })
  afterAll(() => browser.close())

  /** What the page's connections are told to use, and what the browser has to say against it. */
  async function watched(url: string, name: string): Promise<[Page, string[]]> {
    const page = await visit(browser, url, name)
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    await page.addInitScript(() => {
      const Original = RTCPeerConnection
      window.RTCPeerConnection = class extends Original {
        constructor(configuration?: RTCConfiguration) {
          super({ ...configuration, iceServers: [] })
          Reflect.set(window, 'configuration', configuration)
        }
      }
    })
    await page.reload()
    await enter(page)
    return [page, complaints]
  }

  async function call(alice: Page, bob: Page): Promise<void> {
    await callByName(alice, 'Bob')
    await callState(bob, 'ringing')
    await bob.click('#accept')
    await Promise.all([callState(alice, 'talking'), callState(bob, 'talking')])
    await Promise.all([seeFrames(alice, 10), seeFrames(bob, 10)])
  }

  test('two visitors call each other, below a path, with the ICE servers of the settings', async () => {
    const { url } = await Command.serve({
      DEMO: 'on',
      BASE_PATH: '/signal',
      STUN_URLS: 'stun:stun.example:3478',
      TURN_URLS: 'turn:turn.example:3478',
      TURN_SECRET: 'of the TURN server',
    })
    const [alice, complaints] = await watched(`${url}/demo`, 'Alice')
    const [bob] = await watched(`${url}/demo/`, 'Bob')
    await call(alice, bob)
    const { iceServers } = await alice.evaluate(
      () => Reflect.get(window, 'configuration') as RTCConfiguration,
    )
    expect(iceServers).toEqual([
      { urls: ['stun:stun.example:3478'] },
      {
        urls: ['turn:turn.example:3478'],
        username: expect.any(String),
        credential: expect.any(String),
      },
    ])
    expect(complaints).toEqual([])
  })

  test('where tokens are asked for, the page says so, and takes one from its address', async () => {
    const secret = 'a secret of at least thirty-two bytes'
    const { url } = await Command.serve({ DEMO: 'on', APP_SECRET: secret })
    const stranger = await visit(browser, `${url}/demo/`, 'Stranger')
    await stranger.click('#turn-on')
    await stranger.locator('#state', { hasText: 'token' }).waitFor()
    expect(await stranger.getAttribute('#state', 'data-state')).toBe('closed')
    expect(await stranger.isVisible('#nobody')).toBe(false)

    const token = await new Tokens({ secret }).issue({ app: 'calls' })
    const [alice] = await watched(`${url}/demo/#token=${token}`, 'Alice')
    const [bob] = await watched(`${url}/demo/#token=${token}`, 'Bob')
    await call(alice, bob)
    expect(await stranger.$$('#people li')).toHaveLength(0)
  })
})
