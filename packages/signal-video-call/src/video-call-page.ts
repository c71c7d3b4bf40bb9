import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import express, { Router } from 'express'

const folder = (url: string) => fileURLToPath(new URL('.', url))
const assets = fileURLToPath(new URL('../assets', import.meta.url))

/**
 * The page, and the modules that it imports, as they were compiled: nothing is bundled. It talks to
 * the signal server one level above itself, so this router belongs at such a path as `/demo` beside
 * a server at `/`.
 */
export function videoCallPage(): Router {
  const importMap = JSON.stringify({
    imports: {
      'signal-client': './modules/signal-client/index.js',
      'signal-server-protocol': './modules/signal-server-protocol/index.js',
    },
  })
  // what the policy's hash is of is all that stands in the element
  const page = readFileSync(`${assets}/index.html`, 'utf8').replace(
    /(<script type="importmap">)[^<]*/,
    (_, tag: string) => tag + importMap,
  )
  const policy = [
    "default-src 'none'",
    `script-src 'self' '${sha256(importMap)}'`,
    "style-src 'self'",
    "connect-src 'self' ws: wss:",
    'img-src data:',
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

  const router = Router()
  router.get('/', (request, response) => {
    // what the page asks for stands relative to it
    const [path = '', query] = request.originalUrl.split('?')
    if (!path.endsWith('/')) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      return response.redirect(308, `${name}/${query === undefined ? '' : `?${query}`}`)
    }
    response.set({ 'Content-Security-Policy': policy, 'Cache-Control': 'no-cache' })
    response.type('html').send(page)
  })
  router.use(express.static(assets, { index: false, redirect: false }))
  router.use('/page', modulesIn(folder(import.meta.resolve('./page/main.js'))))
  for (const name of ['signal-client', 'signal-server-protocol']) {
    router.use(`/modules/${name}`, modulesIn(folder(import.meta.resolve(name))))
  }
  return router
}

const modulesIn = (path: string) =>
  express.static(path, { index: false, redirect: false, dotfiles: 'ignore' })

const sha256 = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`
