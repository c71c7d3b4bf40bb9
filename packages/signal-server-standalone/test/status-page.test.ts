import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Command } from './harness/command.js'
import { introduced, pair } from './harness/peers.js'
import { sampleIn, view, type Sample } from './harness/viewer.js'

test('a viewer hears once a second how much there is, and nothing of whom', async () => {
  const { url } = await Command.serve()
  await introduced(url)
  const [a, b] = await pair(url)
  const { status, events } = await view(url)
  expect(status).toBe(200)
  expect(await events.next()).toMatch(/^event: hello\ndata: {"version":"\d/)
  // the second in which it came is over
  await events.next()
  for (let i = 0; i < 10; i++) {
    a.send(Buffer.alloc(1_000))
    await b.messages.next()
  }
  const text = await events.next()
  const { peers, keys, pipes, bytes, messages } = sampleIn(text)
  expect({ peers, keys, pipes }).toEqual({ peers: 2, keys: 1, pipes: 1 })
  // ten messages, or those of them that came in this second
  expect(bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThanOrEqual(11_000)
  expect(messages).toBeGreaterThan(0)
  expect(text).not.toMatch(/alice|bob|raccoon/)
})

test('a newcomer hears of the minutes before', async () => {
  const { url } = await Command.serve()
  const first = await view(url)
  for (let i = 0; i < 3; i++) await first.events.next()
  const { events } = await view(url)
  const { samples } = JSON.parse((await events.next()).split('data: ')[1]!) as { samples: Sample[] }
  expect(samples.length).toBeGreaterThanOrEqual(2)
})

test('there is room for a hundred viewers, and again for one when one has left', async () => {
  const { url } = await Command.serve()
  const viewers = await Promise.all(Array.from({ length: 100 }, () => view(url)))
  expect(viewers.every(({ status }) => status === 200)).toBe(true)
  expect((await view(url)).status).toBe(503)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  viewers[0]!.leave()
  await eventually(async () => (await view(url)).status === 200, 'room for one more')
})

test('row 51: when a hundred watch, a newcomer gets the place of the oldest of them', async () => {
  const { url } = await Command.serve({ HEADERS_TIMEOUT: '500' })
  const viewers = await Promise.all(Array.from({ length: 100 }, () => view(url)))
  await eventually(async () => (await view(url)).status === 200, 'a place')
  await eventually(() => viewers.filter(({ ended }) => ended()).length === 1, 'the end of one')
})

test('viewers do not hold up the end', async () => {
  const { url, command } = await Command.serve()
  await view(url)
  const start = performance.now()
  expect((await command.end()).code).toBe(0)
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('can be turned off, and then there is the fish alone', async () => {
  const { url } = await Command.serve({ STATUS_PAGE: 'off' })
  expect((await fetch(`${url}/status`)).status).toBe(404)
  const page = await (await fetch(url)).text()
  expect(page).toContain('🐟')
  expect(page).not.toContain('<script')
})

test('a browser shows it, live, below a path as well', async ({ skip }) => {
  const executablePath = '/usr/bin/chromium'
  if (!existsSync(executablePath) && !process.env.CI) skip('Chromium is not installed')
  const { url } = await Command.serve({ BASE_PATH: '/signal' })
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  await page.getByText('live', { exact: true }).waitFor()
  expect(await page.title()).toContain('🐟')
  const peers = await introduced(url)
  await page.locator('#peers', { hasText: '2' }).waitFor()
  await page.locator('#about', { hasText: /version .*, up for/ }).waitFor()
  for (const peer of peers) await peer.close()
  await page.locator('#peers', { hasText: '0' }).waitFor()
  expect(complaints).toEqual([])
})
