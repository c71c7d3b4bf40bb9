import { createHash, timingSafeEqual } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import express, {
  Router,
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { addressFinder, limitedAs, type TrustProxy } from '../address.js'
import { HttpRefusal, refusalFrom } from '../errors.js'
import type { SignalServerEvents, TokenEvent } from '../events.js'
import type { Tokens } from './tokens.js'
import { badRequest, claimsFrom, fieldsOf, textField, type BodyFields } from './app-token-fields.js'
import { WrongPasswords } from './wrong-passwords.js'

/** Who may have tokens. */
export interface AppTokensOptions {
  tokens: Tokens
  /**
   * What an app's backend proves itself with. Not empty. The right password is always accepted, so
   * its length is all that keeps strangers from guessing it: `openssl rand -hex 32` makes one.
   */
  password: string
  /** As the server's `trustProxy`: wrong passwords are counted per address. @default false */
  trustProxy?: TrustProxy
  /** The server, which counts and tells what happens here (event `token`). @default nobody is told */
  events?: EventEmitter<SignalServerEvents>
}

const mostBytes = '16kb'
const types = ['application/json', 'application/x-www-form-urlencoded']

/**
 * `POST /app` gives a token for the password, and `DELETE /app` revokes one. Both take a form or
 * JSON, and answer `{status,error,response}`.
 *
 * - `POST`: `app`, `password`; a backend may bind the token with `id`, `keys` and `expiresIn`
 *   (seconds)
 * - `DELETE`: `token`, `password`
 *
 * Answers 400 to any other field, to one that is there twice, and to fields in the query; 401 to a
 * wrong password, and 429 after ten wrong ones from one address in a minute.
 */
export function appTokens({
  tokens,
  password,
  trustProxy = false,
  events,
}: AppTokensOptions): Router {
  if (password === '') throw new TypeError('The password for tokens must not be empty.')
  const wrong = new WrongPasswords()
  const addressOf = addressFinder(trustProxy)
  const expected = digest(password)

  const tell = (request: Request, outcome: TokenEvent['outcome'], about: object = {}) =>
    events?.emit('token', { outcome, address: addressOf(request), ...about })

  /** @throws HttpRefusal 401 or 429 if it is wrong; the right one passes however many were wrong */
  function checkPassword(request: Request, { password: given }: BodyFields): void {
    if (given !== undefined && typeof given !== 'string') {
      throw badRequest('"password" must be one text.')
    }
    if (timingSafeEqual(digest(given ?? ''), expected)) return
    const wait = wrong.count(limitedAs(addressOf(request)))
    tell(request, wait > 0 ? 'password_throttled' : 'wrong_password')
    if (wait === 0) throw new HttpRefusal(401, 'unauthorized', 'The password is wrong.')
    const sentence = 'Too many wrong passwords: try again later.'
    throw new HttpRefusal(429, 'rate_limited', sentence, { 'Retry-After': String(wait) })
  }

  async function issue(request: Request): Promise<Record<string, string>> {
    const fields = asked(request, ['app', 'password', 'id', 'keys', 'expiresIn'])
    const claims = claimsFrom(fields)
    const token = await tokens.issue(claims).catch((error: unknown) => {
      throw error instanceof TypeError ? badRequest(error.message) : error
    })
    tell(request, 'token_issued', { app: claims.app, tokenId: (await tokens.read(token)).tokenId })
    return { token }
  }

  async function revoke(request: Request): Promise<Record<string, string>> {
    const token = textField(asked(request, ['token', 'password']), 'token')
    const { app, tokenId } = await tokens.read(token).catch(() => {
      throw badRequest('"token" must be a token of this server.')
    })
    tokens.revoke(token)
    tell(request, 'token_revoked', { app, tokenId })
    return { revoked: tokenId }
  }

  /** The fields of a request whose password is right. */
  function asked(request: Request, known: readonly string[]): BodyFields {
    if (request.is(types) === false) throw badRequest('The body must be a form or JSON.')
    const body: unknown = request.body ?? {}
    checkPassword(request, isObject(body) ? body : {})
    if (request.originalUrl.includes('?')) {
      throw badRequest('The fields must be in the body, and not in the query.')
    }
    return fieldsOf(body, known)
  }

  const router = Router()
  const parsers = [
    express.json({ limit: mostBytes }),
    express.urlencoded({ extended: false, limit: mostBytes, verify: checkNames }),
  ]
  router.post('/app', ...parsers, answering(issue))
  router.delete('/app', ...parsers, answering(revoke))
  router.use('/app', malformed)
  return router
}

type Content = Record<string, string>

/** Answers with what comes of a request, or says why not. */
const answering =
  (act: (request: Request) => Promise<Content>): RequestHandler =>
  async (request, response) => {
    try {
      answer(response, 200, null, await act(request))
    } catch (error) {
      const { status, message, headers } = refusalFrom(error)
      response.set(headers)
      answer(response, status, message)
    }
  }

/**
 * The parser of forms leaves this field out without a word.
 * @throws Error that the parser hands on with the type `entity.verify.failed`
 */
function checkNames(_request: unknown, _response: unknown, body: Buffer): void {
  const name = '__proto__'
  if (new URLSearchParams(body.toString('latin1')).has(name)) {
    throw new Error(`"${name}" is no field here.`)
  }
}

/** What the parsers of Express throw. */
interface ParserError extends Error {
  readonly status?: number
  readonly type?: string
}

// Express knows an error handler by its four parameters
const malformed: ErrorRequestHandler = (error: ParserError, _request, response, next) => {
  if (response.headersSent) return next(error)
  if (error.status === 413) answer(response, 413, `The body has at most ${mostBytes}.`)
  else if (error.type === 'entity.verify.failed') answer(response, 400, error.message)
  else answer(response, 400, 'The body must be a form or JSON.')
}

function answer(
  response: Response,
  status: number,
  error: string | null,
  content: Content | null = null,
): void {
  response.set('Cache-Control', 'no-store').status(status)
  response.json({ status, error, response: content })
}

const isObject = (value: unknown): value is BodyFields =>
  typeof value === 'object' && value !== null

// of one length, as a comparison in constant time needs them
const digest = (text: string) => createHash('sha256').update(text).digest()
