import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from '../clients/plain-http.js'
import { commandStorm } from './command-storm.js'
import type { Storm } from './storm.js'

const marker = 'is not for the public'

/** A folder for PUBLIC, with ways out of it. */
function makeFolders(): { around: string; folder: string } {
  const around = mkdtempSync(join(tmpdir(), 'signal-stress-'))
  const [folder, outside] = [join(around, 'public'), join(around, 'outside')]
  for (const each of [folder, outside]) mkdirSync(each)
  writeFileSync(join(outside, 'secret.html'), marker)
  writeFileSync(join(folder, 'page.html'), 'is for the public')
  writeFileSync(join(folder, '.hidden'), marker)
  for (const [to, name] of [
    [join(outside, 'secret.html'), 'link.html'],
    ['../outside/secret.html', 'relative.html'],
    [outside, 'folder'],
    ['.hidden', 'visible'],
    [join(folder, 'link.html'), 'twice.html'],
  ] as const) {
    symlinkSync(to, join(folder, name))
  }
  return { around, folder }
}

const paths = [
  '/link.html',
  '/link',
  '/relative.html',
  '/twice.html',
  '/folder/secret.html',
  '/folder/secret',
  '/folder%2fsecret.html',
  '/folder//secret.html',
  '/./folder/./secret.html',
  '/visible',
  '/.hidden',
  '/%2ehidden',
  '/../outside/secret.html',
  '/..%2foutside%2fsecret.html',
  '/%2e%2e/outside/secret.html',
  '/page.html/../../outside/secret.html',
  '/..%5coutside%5csecret.html',
  '//outside/secret.html',
]

/** Everything is asked for that is not in the folder of PUBLIC, or only by a link. */
export const publicLinks: Storm = {
  name: 'public-links',
  row: 59,
  async run(target, random, size) {
    const { around, folder } = makeFolders()
    const storm = commandStorm({
      ...publicLinks,
      environment: () => ({ PUBLIC: folder }),
      async attack({ log, target }) {
        log?.resume()
        const faults: string[] = []
        for (const path of paths) {
          if ((await request(target, 'GET', path)).includes(marker)) {
            faults.push(`PUBLIC: ${path} leads out of its folder.`)
          }
        }
        const page = await request(target, 'GET', '/page.html')
        return page.startsWith('HTTP/1.1 200')
          ? faults
          : [...faults, 'PUBLIC: a file is not served.']
      },
    })
    try {
      return await storm.run(target, random, size)
    } finally {
      rmSync(around, { recursive: true })
    }
  },
}
