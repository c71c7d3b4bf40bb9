import { createHash, timingSafeEqual } from 'node:crypto'
import express, { Router, type ErrorRequestHandler, type RequestHandler } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { addressFinder, limitedAs, type TrustProxy } from '../address.js'
import { refusalFrom } from '../errors.js'
import type { Tokens } from '../tokens.js'

/** Who may have tokens. */
export interface AppTokensOptions {
  tokens: Tokens
  /** What an app's backend proves itself with. Not empty. */
  password: string
  /** As the server's `trustProxy`: wrong passwords are counted by address. */
  trustProxy?: TrustProxy
}

// enough for somebody who mistypes, too few for somebody who guesses
const wrongPasswordsAMinute = 10

/**
 * `POST /app` gives a token to who knows the password, and `DELETE /app` revokes one. Both take a
 * form or JSON, and answer `{status,error,response}`.
 *
 * - `POST`: `app`, `password`; a backend may bind the token with `id`, `keys` and `expiresIn`
 *   (seconds)
 * - `DELETE`: `token`, `password`
 */
export function appTokens({ tokens, password, trustProxy = false }: AppTokensOptions): Router {
  if (password === '') throw new TypeError('The password for tokens must not be empty.')
  const wrong = new RateLimiterMemory({ points: wrongPasswordsAMinute, duration: 60 })
  const addressOf = addressFinder(trustProxy)
  const expected = digest(password)

  const checkPassword: RequestHandler = async (request, response, next) => {
    const address = limitedAs(addressOf(request))
    try {
      // taken first and given back, so that guesses at the same time are counted as well
      await wrong.consume(address)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) return next(error)
      response.set('Retry-After', String(Math.ceil(error.msBeforeNext / 1_000)))
      return answer(response, 429, 'Too many wrong passwords: try again later.')
    }
    const given = fieldsOf(request)['password']
    if (typeof given !== 'string' || !timingSafeEqual(digest(given), expected)) {
      return answer(response, 401, 'The password is wrong.')
    }
    await wrong.reward(address)
    next()
  }

  const issue: RequestHandler = async (request, response) => {
    const { app, id, keys, expiresIn } = fieldsOf(request)
    if (app === undefined || app === '') return answer(response, 400, '"app" is missing.')
    try {
      const token = await tokens.issue({
        app: app as string,
        ...(id !== undefined && { id: id as string }),
        ...(keys !== undefined && { keys: [keys].flat() as string[] }),
        ...(expiresIn !== undefined && { expiresIn: Number(expiresIn) }),
      })
      answer(response, 200, null, { token })
    } catch (error) {
      if (error instanceof TypeError) return answer(response, 400, error.message)
      const { status, message } = refusalFrom(error)
      answer(response, status, message)
    }
  }

  const revoke: RequestHandler = (request, response) => {
    const { token } = fieldsOf(request)
    if (typeof token !== 'string' || token === '') {
      return answer(response, 400, '"token" is missing.')
    }
    answer(response, 200, null, { revoked: tokens.revoke(token) })
  }

  const router = Router()
  const parsers = [
    express.json({ limit: '16kb' }),
    express.urlencoded({ extended: false, limit: '16kb' }),
  ]
  router.post('/app', ...parsers, checkPassword, issue)
  router.delete('/app', ...parsers, checkPassword, revoke)
  router.use('/app', malformed)
  return router
}

// Express knows an error handler by its four parameters
const malformed: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error)
  answer(response, 400, 'The body must be a form or JSON.')
}

function answer(
  response: express.Response,
  status: number,
  error: string | null,
  content: Record<string, string> | null = null,
): void {
  response.set('Cache-Control', 'no-store').status(status)
  response.json({ status, error, response: content })
}

const fieldsOf = (request: express.Request): Record<string, unknown> =>
  (request.body ?? {}) as Record<string, unknown>

// of one length, as a comparison in constant time needs them
const digest = (text: string) => createHash('sha256').update(text).digest()
