import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { TestContext } from 'vitest'
import { bundleForBrowsers } from './bundle.js'

const chromiumPath = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync)
export const hasChromium = chromiumPath !== undefined

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // a name that is not this machine's own to a browser, as in a local network
  '--host-resolver-rules=MAP lan.test 127.0.0.1',
]

/** What pages of this test have beside the package itself. */
const inPage = `
  globalThis.told = []
  globalThis.sockets = {}
  globalThis.received = {}
  globalThis.start = (options) => {
    const client = (globalThis.client = new Client({ keys: ['k'], ...options }))
    const tell = (event) => (...args) => told.push([event, ...args.map(plain)])
    const plain = (value) => value?.code ?? value?.id ?? value
    for (const event of ['connected', 'disconnected', 'peer-left', 'update', 'signal', 'error']) {
      client.on(event, tell(event))
    }
    client.on('peer', (peer, key, socket) => {
      told.push(['peer', peer.id, key])
      sockets[peer.id] = socket
      received[peer.id] ??= []
      if (!globalThis.quiet) socket.onmessage = ({ data }) => received[peer.id].push(data)
    })
    return client.id
  }`

/** Chromium, and a web server whose page has the client in it. */
export class BrowserStage {
  private constructor(
    private readonly browser: Browser,
    private readonly pages: ReturnType<typeof createServer>,
  ) {}

  static async open(): Promise<BrowserStage> {
    const { code } = bundleForBrowsers()
    const pages = createServer((request, response) => {
      const script = request.url === '/client.js'
      response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html')
      response.end(
        script
          ? code
          : `<script type="module">import { Client } from './client.js'\n${inPage}</script>`,
      )
    })
    pages.listen(0, '127.0.0.1')
    await once(pages, 'listening')
    const browser = await chromium.launch({ executablePath: chromiumPath!, args: flags })
    return new BrowserStage(browser, pages)
  }

  /**
   * A page in a browser profile of its own.
   * @param host - as which the page's own server is reached
   */
  async page({ host = 'localhost' } = {}): Promise<Page> {
    const context = await this.browser.newContext()
    const page = await context.newPage()
    const { port } = this.pages.address() as AddressInfo
    await page.goto(`http://${host}:${port}/`)
    await page.waitForFunction(() => 'start' in globalThis)
    return page
  }

  async close(): Promise<void> {
    await this.browser.close()
    this.pages.close()
  }
}

/** Ends a test visibly where there is no Chromium: as skipped, or as failed in CI. */
export function needChromium({ skip }: Pick<TestContext, 'skip'>): void {
  if (hasChromium) return
  const reason = 'Chromium is missing (Debian: apt-get install chromium)'
  if (process.env.CI) throw new Error(reason)
  skip(reason)
}
