import { createHash, createSecretKey, randomUUID, type KeyObject } from 'node:crypto'
import { decodeJwt, errors, jwtVerify, SignJWT, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { errorSentence } from 'signal-server-protocol'
import type { Authorize, Grant } from '../authorize.js'
import { HttpRefusal } from '../errors.js'
import { allowing } from './key-patterns.js'

/** How {@link Tokens} are made and checked. */
export interface TokensOptions {
  /** Signs the tokens (HMAC-SHA256); at least 32 bytes, in UTF-8 where it is text. */
  secret: string | Uint8Array
  /** Apps that may come in; a valid token of another one is answered with 403. @default all */
  apps?: readonly string[]
  /** Ids of tokens (`jti`) that were revoked in an earlier life of the process. @default none */
  revoked?: readonly string[]
}

/** What a token says about who brings it. */
export interface TokenClaims {
  /** The app: a realm of its own. Not empty. */
  app: string
  /** The only id that may be used (claim `sub`). @default any */
  id?: string
  /** Keys that may be used: each exact, or a prefix with `*` at its end. @default all */
  keys?: readonly string[]
  /** How long it is good for, in seconds. @default for ever */
  expiresIn?: number
}

/** A token that was found good, as a grant. */
export interface CheckedToken extends Grant {
  readonly app: string
  /** Names the token without being one: what {@link Tokens.revoke} takes, and logs may show. */
  readonly tokenId: string
}

const fewestSecretBytes = 32

/**
 * Makes, checks and revokes the tokens that let clients in: JWTs (RFC 7519) signed with HS256.
 * Everything that knows the secret can make them: claims `app`, and where they bind it `sub`,
 * `keys`, `exp`, `jti`.
 */
export class Tokens {
  readonly #key: KeyObject
  readonly #apps: ReadonlySet<string> | undefined
  /** Ids of revoked tokens, and when each would have expired. */
  readonly #revoked = new Map<string, number>()

  /** @throws TypeError where the secret is shorter than 32 bytes */
  constructor({ secret, apps, revoked = [] }: TokensOptions) {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
    if (bytes.length < fewestSecretBytes) {
      throw new TypeError(
        `The secret for tokens must have at least ${fewestSecretBytes} bytes, not ${bytes.length}: "openssl rand -hex 32" makes one.`,
      )
    }
    this.#key = createSecretKey(bytes)
    this.#apps = apps && new Set(apps)
    for (const id of revoked) this.#revoked.set(id, Infinity)
  }

  /**
   * Makes a token.
   * @throws TypeError where a claim is not of its type; HttpRefusal 403 for an app that may not
   * come in
   */
  async issue({ app, id, keys, expiresIn }: TokenClaims): Promise<string> {
    if (typeof app !== 'string' || app === '') throw new TypeError('"app" must be a text.')
    if (id !== undefined && (typeof id !== 'string' || id === '')) {
      throw new TypeError('"id" must be a text.')
    }
    if (keys !== undefined && !(isTexts(keys) && !keys.includes(''))) {
      throw new TypeError('"keys" must be a list of texts that are not empty.')
    }
    if (expiresIn !== undefined && !(Number.isFinite(expiresIn) && expiresIn > 0)) {
      throw new TypeError('"expiresIn" must be a number of seconds above 0.')
    }
    this.#checkApp(app)
    const token = new SignJWT({ app, ...(keys && { keys }) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setJti(randomUUID())
      .setIssuedAt()
    if (id !== undefined) token.setSubject(id)
    if (expiresIn !== undefined) token.setExpirationTime(Math.floor(Date.now() / 1_000 + expiresIn))
    return token.sign(this.#key)
  }

  /**
   * Says what a token allows.
   * @throws HttpRefusal 401 where it is malformed, forged, expired or revoked, 403 where its app
   * may not come in
   */
  async check(token: string): Promise<CheckedToken> {
    const payload = await this.#verify(token)
    const { app, sub, jti, keys } = payload
    const wellFormed =
      typeof app === 'string' &&
      app !== '' &&
      isId(jti) &&
      (sub === undefined || typeof sub === 'string') &&
      (keys === undefined || isTexts(keys))
    if (!wellFormed) throw unauthorized('The token does not say what this server needs to know.')
    const tokenId = idOf(token, payload)
    const revoked = this.#revoked
    if (revoked.has(tokenId)) throw unauthorized('The token was revoked.')
    this.#checkApp(app)
    return {
      app,
      tokenId,
      ...(sub !== undefined && { id: sub }),
      ...(keys !== undefined && { allowsKey: allowing(keys) }),
      ...(payload.exp !== undefined && { expiresAt: payload.exp * 1_000 }),
      revoked: {
        get aborted() {
          return revoked.has(tokenId)
        },
      },
    }
  }

  /**
   * Says which token it is, also of one that has expired or was revoked.
   * @throws HttpRefusal 401 if it was not signed with the secret
   */
  async read(token: string): Promise<{ app: string; tokenId: string }> {
    const payload = await this.#verify(token, { clockTolerance: Number.MAX_SAFE_INTEGER })
    return { app: String(payload['app']), tokenId: idOf(token, payload) }
  }

  /**
   * Takes a token back: whoever is connected with it is closed (4401), and it lets nobody in any
   * more. Remembered by this process only.
   *
   * @param token - the token itself, or its id (`jti`)
   * @returns its id
   */
  revoke(token: string): string {
    const now = Date.now()
    for (const [id, expiresAt] of this.#revoked) if (expiresAt < now) this.#revoked.delete(id)
    const payload = decoded(token)
    const id = payload ? idOf(token, payload) : token
    this.#revoked.set(id, payload?.exp === undefined ? Infinity : payload.exp * 1_000)
    return id
  }

  /** Ids of the tokens that were revoked, as far as they are remembered. */
  get revoked(): string[] {
    return [...this.#revoked.keys()]
  }

  /** For {@link SignalServerOptions.authorize}: a request needs a good token, or gets 401. */
  readonly authorize: Authorize = (_request, _claim, token) => {
    if (token === undefined) throw unauthorized(errorSentence.unauthorized)
    return this.check(token)
  }

  async #verify(token: string, options: JWTVerifyOptions = {}): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { ...options, algorithms: ['HS256'] })
      return payload
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw unauthorized('The token has expired.')
      if (error instanceof errors.JOSEError) throw unauthorized('The token is not valid.')
      throw error
    }
  }

  #checkApp(app: string): void {
    if (this.#apps && !this.#apps.has(app)) {
      throw new HttpRefusal(403, 'forbidden', 'This server is not for this app.')
    }
  }
}

const unauthorized = (sentence: string) =>
  new HttpRefusal(401, 'unauthorized', sentence, { 'WWW-Authenticate': 'Bearer' })

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

/** What a token may have as its id: a text, or nothing. */
const isId = (jti: unknown): boolean => jti === undefined || (typeof jti === 'string' && jti !== '')

/** A token of another issuer may have no id: its hash names it as well. */
const idOf = (token: string, { jti }: JWTPayload): string =>
  jti !== undefined && isId(jti) ? jti : createHash('sha256').update(token).digest('base64url')

function decoded(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}
