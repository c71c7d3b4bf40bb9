import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { banner } from '../src/banner.js'
import { parseCommandLine } from '../src/command-line.js'
import { settingsFrom } from '../src/settings.js'

const settings = (env: Record<string, string> = {}) => settingsFrom(parseCommandLine([]), env)
const url = 'http://localhost:8080'
const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')

test('every URL under which it can be reached is shown', () => {
  const text = banner(settings(), url, undefined)
  expect(text.split('\n')[0]).toBe('🐟 Listening at http://localhost:8080')
  if (outside) expect(text).toContain(`http://${outside.address}:8080`)
})

test('an address of its own is the only one', () => {
  const text = banner(settings({ HOST: '127.0.0.1' }), 'http://127.0.0.1:8080', 80)
  expect(text).not.toContain('In your network')
})

test('a terminal gets a QR code, if it is wide enough and there is a network', () => {
  const squares = /[▀▄█]/
  expect(squares.test(banner(settings(), url, 80))).toBe(outside !== undefined)
  expect(banner(settings(), url, 10)).not.toMatch(squares)
  expect(banner(settings(), url, undefined)).not.toMatch(squares)
})

test('what is on and off is said, in lines that fit', () => {
  const env = {
    APP_SECRET: 'x'.repeat(32),
    APP_PASS: 'secret password',
    TURN_URLS: 'turn:a:3478',
    TURN_SECRET: 'turn secret',
    TRUST_PROXY: '1',
    METRICS: 'off',
    DEMO: 'on',
  }
  const text = banner(settings(env), url, undefined)
  expect(text).toMatch(/on {3}tokens \(POST \/app\), limits per address, trusted proxies \(1\)/)
  expect(text).toContain('video calls (/demo)')
  expect(text).toMatch(/off {2}TLS, origins \(every web page may come in\), Redis, metrics/)
  for (const secret of [env.APP_SECRET, env.APP_PASS, env.TURN_SECRET]) {
    expect(text).not.toContain(secret)
  }
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})
