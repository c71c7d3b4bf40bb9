import { Router, type NextFunction, type Request, type Response } from 'express'
import type { IceServer } from 'signal-server-protocol'
import type { Admission } from '../upgrade/admission.js'
import type { Instances } from '../cluster/instances.js'
import { refusalFrom } from '../errors.js'
import { methodNotAllowed, upgradeRequired } from '../upgrade/handshake.js'
import { pathOf } from '../upgrade/path.js'
import { page } from './page.js'
import { readiness } from './readiness.js'

/**
 * The HTTP side: the page, the health checks, the ICE servers, and what a plain GET on a WebSocket
 * path is told.
 */
export function httpRouter(
  admission: Admission,
  iceServers: () => readonly IceServer[],
  instances: Instances | undefined,
  endpointRouters: readonly Router[],
): Router {
  const router = Router()
  router.get('/', (_request, response) => {
    response.type('html').send(page())
  })
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' })
  })
  router.get('/readyz', (_request, response) => {
    const { status, body } = readiness(admission.draining, instances)
    response.set('Cache-Control', 'no-store').status(status).json(body)
  })
  for (const endpointRouter of endpointRouters) router.use(endpointRouter)
  router.use((request, response, next) => {
    void explain(admission, iceServers, request, response, next)
  })
  return router
}

const iceServersPath = /^(\/t\/[^/]+)?\/ice-servers$/
// TURN relays traffic for whoever has a credential
const iceServersClaim = { claim: { endpoint: 'ice-servers' } }

/**
 * Answers paths that need the same authorisation as an upgrade. A browser sees nothing of a refused
 * upgrade but 1006, so a client asks its path with a plain GET why: it is refused as the upgrade
 * would be, or told to upgrade (426).
 */
async function explain(
  admission: Admission,
  iceServers: () => readonly IceServer[],
  request: Request,
  response: Response,
  next: NextFunction,
): Promise<void> {
  const path = pathOf(request.url)
  let leave = () => {}
  try {
    if (path === undefined) return next()
    const ice = iceServersPath.test(path)
    const claimed = ice ? iceServersClaim : admission.find(path)
    if (!claimed) return next()
    response.set('Access-Control-Allow-Origin', '*')
    if (request.method === 'OPTIONS') {
      response.set('Access-Control-Allow-Headers', 'Authorization').sendStatus(204)
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
    leave = admission.limits.request(request)
    await admission.admit(request, path, claimed)
    if (!ice) throw upgradeRequired()
    response.set('Cache-Control', 'no-store').json({ iceServers: iceServers() })
  } catch (error) {
    const { status, body, headers } = refusalFrom(error)
    response.set({ 'Access-Control-Allow-Origin': '*', ...headers })
    response.status(status).type('json').send(body)
  } finally {
    // an answer behind another one never closes if its connection is upgraded meanwhile
    leave()
  }
}
