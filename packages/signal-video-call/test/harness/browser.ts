import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Whether Chromium is installed; in CI it has to be. */
export const hasChromium = existsSync(executablePath)
if (!hasChromium && process.env.CI) throw new Error(`Chromium is not installed (${executablePath})`)

/** Named where tests are left out. */
export const withoutChromium = hasChromium ? '' : ' (left out: Chromium is not installed)'

/**
 * A browser whose cameras show a test picture, and may be used without asking. There are three of
 * them: what the second gives is a format that Chromium shows and cannot send.
 */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream=device-count=3',
      '--use-fake-ui-for-media-stream',
    ],
  })
}

/** A visitor: a browser profile of its own with the page open, the camera off. */
export async function visit(browser: Browser, url: string, name?: string): Promise<Page> {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('close', () => {
    if (errors.length > 0) throw new Error(`on the page of ${name}: ${errors.join(', ')}`)
  })
  await page.goto(url)
  if (name !== undefined) await rename(page, name)
  return page
}

export async function rename(page: Page, name: string): Promise<void> {
  await page.fill('#name', name)
  await page.locator('#name').blur()
}

/** Turns the camera on, which is how a visitor enters the room. */
export async function enter(page: Page): Promise<void> {
  await page.click('#turn-on')
  await page.waitForSelector('#state[data-state=connected]')
}

/** Calls somebody by name. */
export const callByName = (page: Page, name: string) => page.click(`[aria-label="Call ${name}"]`)

export const callState = (page: Page, state: string) =>
  page.waitForSelector(`body[data-call=${state}]`)

/** Waits until so many more frames of the other side's camera were shown. */
export async function seeFrames(page: Page, count: number): Promise<void> {
  const shown = () =>
    page.evaluate(
      () =>
        document.querySelector<HTMLVideoElement>('#theirs')!.getVideoPlaybackQuality()
          .totalVideoFrames,
    )
  const before = await shown()
  await page.waitForFunction(
    (enough) =>
      document.querySelector<HTMLVideoElement>('#theirs')!.getVideoPlaybackQuality()
        .totalVideoFrames >= enough,
    before + count,
  )
}
