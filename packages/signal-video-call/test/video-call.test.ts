import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  callByName,
  callState,
  enter,
  hasChromium,
  launch,
  rename,
  seeFrames,
  visit,
  withoutChromium,
} from './harness/browser.js'
import { serve, type Server } from './harness/server.js'

describe.skipIf(!hasChromium)(`the video call page, in Chromium${withoutChromium}`, () => {
  let browser: Browser
  let server: Server

  beforeAll(async () => {
    ;[browser, server] = await Promise.all([launch(), serve()])
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
  })
  afterAll(async () => {
    await browser.close()
    await server.end()
  })

  /** A visitor who is in the room. */
  async function inside(name: string): Promise<Page> {
    const page = await visit(browser, server.url, name)
    await enter(page)
    return page
  }

  /** Two visitors who see each other. */
  async function two(): Promise<[Page, Page]> {
    const [alice, bob] = [await inside('Alice'), await inside('Bob')]
    await alice.waitForSelector('[aria-label="Call Bob"]')
    await bob.waitForSelector('[aria-label="Call Alice"]')
    return [alice, bob]
  }

  /** Two visitors in a call. */
  async function talking(): Promise<[Page, Page]> {
    const [alice, bob] = await two()
    await callByName(alice, 'Bob')
    await callState(bob, 'ringing')
    await bob.click('#accept')
    await Promise.all([callState(alice, 'talking'), callState(bob, 'talking')])
    return [alice, bob]
  }

  /** Takes a picture for whoever wants to look: `SCREENSHOTS` is the folder for it. */
  async function show(page: Page, name: string): Promise<void> {
    const folder = process.env.SCREENSHOTS
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` })
  }

  const notice = (page: Page, text: string) => page.waitForSelector(`#notice.shown:text("${text}")`)

  test('a call that is accepted shows each the other: frames of the video come', async () => {
    const [alice, bob] = await talking()
    expect(await bob.textContent('#status')).toBe('Alice')
    await Promise.all([seeFrames(alice, 20), seeFrames(bob, 20)])
    await show(alice, 'wide')
    await show(bob, 'wide-other')
  })

  test('candidates are told as they are found, and not in the offer', async () => {
    const [alice, bob] = [await visit(browser, server.url, 'Alice'), await inside('Bob')]
    const said: { say: string; description?: { sdp: string } }[] = []
    alice.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const message = JSON.parse(String(payload)) as { type: string; signal: (typeof said)[0] }
        if (message.type === 'Signal') said.push(message.signal)
      })
    })
    await enter(alice)
    await callByName(alice, 'Bob')
    await callState(bob, 'ringing')
    await expect.poll(() => said.map(({ say }) => say)).toContain('candidate')
    const offer = said.find(({ say }) => say === 'offer')
    expect(offer!.description!.sdp).not.toContain('a=candidate')
    await bob.click('#accept')
    await seeFrames(alice, 5)
  })

  test('a hang-up is seen by the other side', async () => {
    const [alice, bob] = await talking()
    await bob.click('#hang-up')
    await Promise.all([callState(alice, 'idle'), callState(bob, 'idle')])
    await notice(alice, 'The call with Bob is over')
    const shows = await alice.$eval('#theirs', (video) => (video as HTMLVideoElement).srcObject)
    expect(shows).toBeNull()
    // and the two can call again
    await callByName(bob, 'Alice')
    await callState(alice, 'ringing')
  })

  test('a refusal is seen by the caller', async () => {
    const [alice, bob] = await two()
    await callByName(alice, 'Bob')
    await callState(bob, 'ringing')
    expect(await bob.textContent('#incoming p')).toBe('Alice is calling')
    await bob.click('#refuse')
    await callState(alice, 'idle')
    await notice(alice, 'Bob does not take the call')
    await callState(bob, 'idle')
  })

  test('a caller who hangs up while it rings is no longer heard', async () => {
    const [alice, bob] = await two()
    await callByName(alice, 'Bob')
    await callState(bob, 'ringing')
    await alice.click('#hang-up')
    await callState(bob, 'idle')
    expect(await bob.isVisible('#incoming')).toBe(false)
  })

  test('somebody who is in a call is busy for others, and it goes on', async () => {
    const [alice, bob] = await talking()
    const carol = await inside('Carol')
    await callByName(carol, 'Bob')
    await notice(carol, 'Bob is in another call')
    await callState(carol, 'idle')
    await Promise.all([seeFrames(alice, 5), seeFrames(bob, 5)])
  })

  test('two who call each other at the same time are in one call', async () => {
    const [alice, bob] = await two()
    // without a pointer: where one was faster it rings at the other, and nothing can be pressed behind
    await Promise.all([
      alice.dispatchEvent('[aria-label="Call Bob"]', 'click'),
      bob.dispatchEvent('[aria-label="Call Alice"]', 'click'),
    ])
    const either = 'body:is([data-call=talking], [data-call=ringing])'
    await Promise.race([alice.waitForSelector(either), bob.waitForSelector(either)])
    for (const page of [alice, bob]) {
      if (await page.isVisible('#incoming')) await page.click('#accept')
    }
    await Promise.all([callState(alice, 'talking'), callState(bob, 'talking')])
    await Promise.all([seeFrames(alice, 5), seeFrames(bob, 5)])
  })

  test('another camera in a call is seen without ringing anew', async () => {
    const [alice, bob] = await talking()
    await seeFrames(bob, 5)
    const cameras = await alice.$$eval('#camera option', (options) =>
      options.map((option) => (option as HTMLOptionElement).value),
    )
    expect(cameras).toHaveLength(4)
    const track = () =>
      alice.$eval('#mine', (video) => {
        const { srcObject } = video as HTMLVideoElement
        return (srcObject as MediaStream).getVideoTracks()[0]!.getSettings().deviceId
      })
    expect(await track()).toBe(cameras[1])
    await alice.selectOption('#camera', cameras[3]!)
    await expect.poll(track).toBe(cameras[3])
    await seeFrames(bob, 20)
    await alice.click('#flip')
    await expect.poll(track).toBe(cameras[1])
    await seeFrames(bob, 20)
    expect(await bob.getAttribute('body', 'data-call')).toBe('talking')
  })

  test('a new name is seen by the others, in the list and in a call', async () => {
    const [alice, bob] = await talking()
    await rename(bob, 'Robert')
    await alice.waitForSelector('#people li span:text("Robert")')
    await alice.waitForSelector('#status:text("Robert")')
  })

  test('a camera that is turned off leaves the room, and ends the call', async () => {
    const [alice, bob] = await talking()
    await bob.selectOption('#camera', '')
    await callState(alice, 'idle')
    await alice.waitForSelector('body.alone')
    expect(await bob.getAttribute('#state', 'data-state')).toBe('closed')
    expect(await bob.getAttribute('body', 'data-camera')).toBe('off')
    await enter(bob)
    await alice.waitForSelector('[aria-label="Call Bob"]')
  })

  test('somebody whose page is closed is gone, in a call as well', async () => {
    const [alice, bob] = await talking()
    await bob.close()
    await callState(alice, 'idle')
    await alice.waitForSelector('body.alone')
  })

  test('name and camera are remembered, and the camera is on at the next visit', async () => {
    const page = await inside('Alice')
    const chosen = await page.inputValue('#camera')
    await page.reload()
    await page.waitForSelector('#state[data-state=connected]')
    expect(await page.inputValue('#name')).toBe('Alice')
    expect(await page.inputValue('#camera')).toBe(chosen)
    await page.selectOption('#camera', '')
    await page.reload()
    await page.waitForSelector('body[data-camera=off]')
    expect(await page.inputValue('#name')).toBe('Alice')
    expect(await page.isVisible('#turn-on')).toBe(true)
  })

  test('the page is loaded anew when the server has another version, and not in a call', async () => {
    const alice = await visit(browser, server.url, 'Alice')
    let version = '1'
    let drop = () => {}
    await alice.routeWebSocket(/\/introduction\//, (socket) => {
      const upstream = socket.connectToServer()
      upstream.onMessage((message) => {
        const fields = JSON.parse(String(message)) as { type: string; server?: object }
        const shown = fields.type === 'Welcome' ? { ...fields, server: { version } } : fields
        socket.send(JSON.stringify(shown))
      })
      drop = () => void socket.close({ code: 1012 })
    })
    await alice.reload()
    await enter(alice)
    const mark = () => alice.evaluate(() => Reflect.get(window, 'mark') as unknown)
    await alice.evaluate(() => Reflect.set(window, 'mark', 'kept'))
    drop()
    await alice.waitForSelector('#state[data-state=disconnected]')
    await alice.waitForSelector('#state[data-state=connected]')
    expect(await mark()).toBe('kept')

    const bob = await inside('Bob')
    await callByName(bob, 'Alice')
    await callState(alice, 'ringing')
    await alice.click('#accept')
    await callState(alice, 'talking')
    await seeFrames(alice, 5)
    version = '2'
    drop()
    await alice.waitForSelector('#state[data-state=disconnected]')
    await alice.waitForSelector('#state[data-state=connected]')
    await seeFrames(alice, 5)
    expect(await mark()).toBe('kept')
    const loaded = alice.waitForEvent('load')
    await alice.click('#hang-up')
    await loaded
    expect(await mark()).toBeUndefined()
    await alice.waitForSelector('#state[data-state=connected]')
  })

  test('those in another room, by the address of the page, are not seen', async () => {
    const alice = await inside('Alice')
    const elsewhere = await visit(browser, `${server.url}#room=elsewhere`, 'Eve')
    await enter(elsewhere)
    const bob = await inside('Bob')
    await alice.waitForSelector('[aria-label="Call Bob"]')
    expect(await alice.$$('#people li')).toHaveLength(1)
    expect(await elsewhere.$$('#people li')).toHaveLength(0)
    await bob.close()
  })

  test('the page is as wide as a phone, in a call and before', async () => {
    const [alice, bob] = await talking()
    for (const page of [alice, bob]) {
      await page.setViewportSize({ width: 360, height: 640 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
      const hangUp = (await (await page.$('#hang-up'))!.boundingBox())!
      expect(hangUp.y + hangUp.height).toBeLessThanOrEqual(640)
    }
    await seeFrames(alice, 5)
    await show(alice, 'phone')
    await alice.click('#hang-up')
    await callState(bob, 'idle')
    expect(await bob.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(await bob.isVisible('[aria-label="Call Alice"]')).toBe(true)
    await show(bob, 'phone-before')
    await bob.click('[aria-label="Call Alice"]')
    await callState(alice, 'ringing')
    await show(alice, 'phone-ringing')
    await show(bob, 'phone-calling')
  })
})
