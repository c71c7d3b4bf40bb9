import { Router, type NextFunction, type Request, type Response } from 'express'
import type { Admission } from '../admission.js'
import { refusalFrom } from '../errors.js'
import { methodNotAllowed, upgradeRequired } from '../handshake.js'
import { pathOf } from '../path.js'
import { page } from './page.js'

/** The HTTP side: the page, the health check, and what a plain GET on a WebSocket path is told. */
export function httpRouter(admission: Admission, endpointRouters: readonly Router[]): Router {
  const router = Router()
  router.get('/', (_request, response) => {
    response.type('html').send(page())
  })
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' })
  })
  for (const endpointRouter of endpointRouters) router.use(endpointRouter)
  router.use((request, response, next) => {
    void explain(admission, request, response, next)
  })
  return router
}

/**
 * A browser sees nothing of a refused upgrade but 1006, so a client asks its path with a plain GET
 * why: it is refused as the upgrade would be, or told to upgrade (426).
 */
async function explain(
  admission: Admission,
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const path = pathOf(request.url)
  try {
    if (path === undefined || !admission.find(path)) return next()
    response.set('Access-Control-Allow-Origin', '*')
    if (request.method === 'OPTIONS') {
      response.set('Access-Control-Allow-Headers', 'Authorization').sendStatus(204)
      return
    }
    if (request.method !== 'GET') throw methodNotAllowed()
    await admission.authorize(request, path)
    throw upgradeRequired()
  } catch (error) {
    const { status, body, headers } = refusalFrom(error)
    response.set({ 'Access-Control-Allow-Origin': '*', ...headers })
    response.status(status).type('json').send(body)
  }
}
