import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { get as plainGet, type IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client } from '../../signal-server/test/harness/client.js'
import { makeCertificate } from './harness/certificate.js'
import { Command, ws } from './harness/command.js'

/** The files of an app, beside others that are none of them. */
function makeFolder(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'signal-files-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  mkdirSync(join(folder, 'public'))
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, 'public', name), content)
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

test('/demo is demo.html, as in the public folder of wrtc-signal', async () => {
  const files = { 'demo.html': '<p>demo</p>', notes: 'plain', 'notes.html': '<p>notes</p>' }
  const { url } = await Command.serve({ PUBLIC: makeFolder(files), BASE_PATH: '/signal' })
  const demo = await fetch(`${url}/demo`)
  expect(demo.headers.get('content-type')).toContain('text/html')
  expect(await demo.text()).toBe('<p>demo</p>')
  expect(await (await fetch(`${url}/demo.html`)).text()).toBe('<p>demo</p>')
  expect(await (await fetch(`${url}/notes`)).text()).toBe('plain')
  for (const path of ['demo/', 'demo.htm', 'notes/demo']) {
    expect((await fetch(`${url}/${path}`)).status, path).toBe(404)
  }
})

test('a folder that is none is a wrong setting', async () => {
  const { code, stderr } = await Command.run([], { PUBLIC: '/no/such/folder', PORT: '0' }).ended
  expect(stderr).toContain('PUBLIC must be a folder that is there, not "/no/such/folder".')
  expect(code).toBe(2)
})

describe('row 59: a link in the folder', () => {
  /** A folder with links, and what is answered at each path. */
  async function serve(links: Record<string, string>) {
    const folder = makeFolder({ 'main.js': 'start()', '.env': 'hidden', 'a:b.txt': 'colon' })
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'sub', 'page.html'), 'a page')
    mkdirSync(join(folder, '.git'))
    writeFileSync(join(folder, '.git', 'config'), 'hidden')
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name))
    const { url } = await Command.serve({ PUBLIC: folder, STATUS_PAGE: 'off' })
    const get = async (path: string) => {
      // as it is written: fetch would resolve the dots
      const request = plainGet(url, { path: `/${path}`, agent: false })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const body = await text(response)
      return response.statusCode === 200 ? body : response.statusCode!
    }
    return { folder, get }
  }

  test('that leads out of it is not followed', async () => {
    const { folder, get } = await serve({
      'a.txt': '../secret.txt',
      root: '/',
      up: '..',
      'twice.txt': 'a.txt',
      'sub/back': '../..',
      'sub/index.html': '../../secret.txt',
      'index.html': '../secret.txt',
      beside: '../public-too',
    })
    mkdirSync(join(dirname(folder), 'public-too'))
    writeFileSync(join(dirname(folder), 'public-too', 'x.txt'), 'secret')
    const paths = ['a.txt', 'twice.txt', 'up/secret.txt', 'up/', 'sub/back/secret.txt', 'sub/', '']
    for (const path of [
      ...paths,
      'beside/x.txt',
      `root${join(folder, '..', 'secret.txt')}`,
      'root/etc/hostname',
      'up%2fsecret.txt',
      'sub/%2e%2e/a.txt',
      'sub%2f..%2fa.txt',
      'a.txt/',
      './a.txt',
      '../secret.txt',
      'sub/../../secret.txt',
      'sub/.%2e/../secret.txt',
    ]) {
      const answer = await get(path)
      // where nothing is served the page of the library is at /
      if (path === '') expect(answer).toContain('signal-server')
      else expect(answer, path).toBe(404)
    }
    expect(await get('main.js')).toBe('start()')
  })

  test('is not followed out of it without its .html either', async () => {
    const { folder, get } = await serve({
      'demo.html': '../secret.txt',
      'env.html': '.env',
      'latest.html': 'sub/page.html',
      'gone.html': 'nowhere',
      up: '..',
    })
    writeFileSync(join(dirname(folder), 'secret.html'), 'secret')
    for (const path of ['demo', 'env', 'gone', 'up/secret', '..%2fsecret', '%2e%2e/secret']) {
      expect(await get(path), path).toBe(404)
    }
    expect(await get('latest')).toBe('a page')
    expect(await get('sub/page')).toBe('a page')
  })

  test('that stays in it is followed, as is one that is the folder', async () => {
    const { folder, get } = await serve({
      'latest.js': 'main.js',
      pages: 'sub',
      'sub/self': '..',
      round: 'round',
    })
    expect(await get('latest.js')).toBe('start()')
    expect(await get('a:b.txt')).toBe('colon')
    expect(await get('pages/page.html')).toBe('a page')
    expect(await get('sub/self/main.js')).toBe('start()')
    expect(await get('sub/self/sub/self/sub/page.html')).toBe('a page')
    expect(await get('round')).toBe(404)
    const link = `${folder}-link`
    symlinkSync(folder, link)
    const { url } = await Command.serve({ PUBLIC: link })
    expect(await (await fetch(`${url}/latest.js`)).text()).toBe('start()')
  })

  test('to a name that begins with a dot is not followed', async () => {
    const { get } = await serve({ 'env.txt': '.env', git: '.git' })
    for (const path of ['env.txt', 'git/config', '.git/config', '.env', 'sub/../.env']) {
      expect(await get(path), path).toBe(404)
    }
  })

  test('that is changed while the server runs is looked at again', async () => {
    const { folder, get } = await serve({ 'a.txt': 'main.js' })
    expect(await get('a.txt')).toBe('start()')
    const outside = join(folder, 'outside')
    let swaps = 0
    const swap = () => {
      symlinkSync(swaps++ % 2 ? 'main.js' : '../secret.txt', outside)
      renameSync(outside, join(folder, 'a.txt'))
    }
    const answers = new Set<string | number>()
    for (let round = 0; round < 100; round++) {
      const asked = Array.from({ length: 5 }, () => get('a.txt'))
      swap()
      for (const answer of await Promise.all(asked)) answers.add(answer)
    }
    expect(answers).toEqual(new Set(['start()', 404]))
    unlinkSync(join(folder, 'a.txt'))
    expect(await get('a.txt')).toBe(404)
  })
})
