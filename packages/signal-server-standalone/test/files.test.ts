import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from '../../signal-server/test/harness/client.js'
import { makeCertificate } from './harness/certificate.js'
import { Command, ws } from './harness/command.js'

/** The files of an app, beside others that are none of them. */
function makeFolder(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'signal-files-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  mkdirSync(join(folder, 'public'))
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, 'public', name), text)
  return join(folder, 'public')
}

test('the files of an app are at /, beside /rtc, over TLS: the page of webrtc-blog needs no more', async () => {
  const { key, cert, ca } = makeCertificate()
  const folder = makeFolder({ 'index.html': '<p>an app</p>', 'main.js': 'start()' })
  const { url } = await Command.serve({ PUBLIC: folder, KEY: key, CERT: cert, RTC_VERSION: '7' })
  expect(url).toMatch(/^https:/)
  const status = await new Promise((resolve, reject) => {
    get(`${url}/main.js`, { ca }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })
  expect(status).toBe(200)
  const socket = await Client.open(`${ws(url)}/rtc`, [], { ca })
  expect(await socket.next('ready')).toMatchObject({ version: '7' })
})

test('index.html is the page at /, and the others are beside what the server has', async () => {
  const folder = makeFolder({ 'index.html': '<p>an app</p>', 'main.js': 'start()', '.env': 'x' })
  const { url } = await Command.serve({ PUBLIC: folder, BASE_PATH: '/signal' })
  expect(await (await fetch(`${url}/`)).text()).toBe('<p>an app</p>')
  const script = await fetch(`${url}/main.js`)
  expect(script.headers.get('content-type')).toContain('text/javascript')
  expect(await script.text()).toBe('start()')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  for (const path of ['.env', '..%2fsecret.txt', '%2e%2e/secret.txt', 'none.js']) {
    expect((await fetch(`${url}/${path}`)).status, path).toBe(404)
  }
})

test('without an index.html the live page stays', async () => {
  const { url } = await Command.serve({ PUBLIC: makeFolder({ 'main.js': 'start()' }) })
  expect(await (await fetch(`${url}/main.js`)).text()).toBe('start()')
  expect(await (await fetch(url)).text()).toContain('🐟')
})

test('a folder that is none is a wrong setting', async () => {
  const { code, stderr } = await Command.run([], { PUBLIC: '/no/such/folder', PORT: '0' }).ended
  expect(stderr).toContain('PUBLIC must be a folder that is there, not "/no/such/folder".')
  expect(code).toBe(2)
})
