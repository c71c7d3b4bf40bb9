import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { errorSentence, TOKEN_SUBPROTOCOL_PREFIX } from 'signal-server-protocol'
import type { Claim, Grant } from '../authorize.js'
import { watchCookies } from '../cookie-warning.js'
import type { Endpoint } from '../endpoint.js'
import { HttpRefusal } from '../errors.js'
import { reportFault, type SignalServerEvents } from '../events.js'
import { offeredProtocols } from './handshake.js'
import type { Holding } from '../limits/holders.js'
import { SocketLimits } from '../limits/socket-limits.js'
import type { Settings } from '../options.js'
import { decodeSegment } from './path.js'

/** What a path claims; of an endpoint, or of the HTTP side. */
interface Claimed {
  readonly endpoint?: Endpoint
  readonly claim: Claim
}

/** The endpoint that has a path, and what the path claims there. */
export interface Found extends Claimed {
  readonly endpoint: Endpoint
}

/** Decides which requests may come in: path, origin, number, and the app's own `authorize`. */
export class Admission {
  /** Set while the server drains. */
  draining = false
  readonly limits: SocketLimits

  constructor(
    private readonly settings: Settings,
    private readonly endpoints: readonly Endpoint[],
    private readonly events: EventEmitter<SignalServerEvents>,
  ) {
    this.limits = new SocketLimits(settings)
  }

  /** The client's own address, behind trusted proxies. */
  addressOf(request: IncomingMessage): string {
    return this.limits.addressOf(request)
  }

  /**
   * Looks for the endpoint of a path.
   *
   * @param path - below the mount, with or without a token in front
   * @throws HttpRefusal 400, 404 or 414 where the path is an endpoint's and malformed
   */
  find(path: string): Found | undefined {
    const { bare } = splitToken(path)
    for (const endpoint of this.endpoints) {
      const claim = endpoint.match(bare)
      if (claim) return { endpoint, claim }
    }
    return undefined
  }

  /**
   * Asks whether a request gets what its path claims, at its address's rate.
   * @throws HttpRefusal where it does not
   */
  async admit(
    request: IncomingMessage,
    path: string,
    { endpoint, claim }: Claimed,
  ): Promise<Grant> {
    // first: a hook may ask a database
    await this.limits.checkRate(request)
    this.#checkOrigin(request)
    return endpoint?.authorizesItself ? {} : this.#authorize(request, path, claim)
  }

  /** @throws HttpRefusal 503, with `Retry-After`, while the server drains */
  checkOpen(): void {
    if (this.draining) throw restarting()
  }

  /**
   * Counts the socket of an upgrade until it closes.
   * @throws HttpRefusal 429 or 503, with `Retry-After`, where there is no room for it
   */
  enter(request: IncomingMessage, shed: () => void): Holding {
    this.checkOpen()
    return this.limits.upgrade(request, shed)
  }

  /**
   * Counts a client in that came without an upgrade.
   *
   * @returns counts it out again
   * @throws HttpRefusal 429 or 503, with `Retry-After`, where there is no room for it
   */
  enterWithoutSocket(request: IncomingMessage, shed: () => void): () => void {
    this.checkOpen()
    return this.limits.client(request, shed)
  }

  async #authorize(request: IncomingMessage, path: string, claim: Claim): Promise<Grant> {
    const token = tokenOf(request, path)
    try {
      const grant = await this.#ask(request, claim, token)
      const { localId, key } = claim
      const otherId = grant.id !== undefined && localId !== undefined && localId !== grant.id
      if (otherId || (key !== undefined && grant.allowsKey?.(key) === false)) throw forbidden()
      return grant
    } catch (error) {
      if (error instanceof HttpRefusal) throw error
      reportFault(this.events, error)
      throw new HttpRefusal(500, 'internal', 'The server could not decide about this request.')
    }
  }

  #checkOrigin({ headers }: IncomingMessage): void {
    const { origins } = this.settings
    if (origins.length === 0 || headers.origin === undefined) return
    if (!origins.includes(headers.origin)) {
      throw new HttpRefusal(403, 'forbidden', 'Pages of this origin are not allowed here.')
    }
  }

  async #ask(request: IncomingMessage, claim: Claim, token: string | undefined): Promise<Grant> {
    const unwatch = this.settings.origins.length === 0 ? watchCookies(request) : undefined
    try {
      const answer: unknown = this.settings.authorize(request, claim, token)
      // without a timer where there is nothing to wait for
      return typeof answer === 'boolean' ? grantFrom(answer) : grantFrom(await this.#inTime(answer))
    } finally {
      unwatch?.()
    }
  }

  async #inTime(answer: unknown): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const sentence = 'The authorisation did not answer in time.'
        reject(new HttpRefusal(503, 'request_timeout', sentence, { 'Retry-After': '5' }))
      }, this.settings.authorizeTimeout)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function grantFrom(answer: unknown): Grant {
  if (answer === true) return {}
  if (answer === false) throw forbidden()
  // whoever forgets to answer must not let everybody in
  if (typeof answer === 'object' && answer !== null) return answer
  throw new TypeError(`authorize must answer true, false or a grant, not ${String(answer)}.`)
}

/** 503, for a server that drains or is closed. */
export const restarting = () =>
  new HttpRefusal(503, 'restarting', 'The server restarts.', { 'Retry-After': '5' })

const forbidden = () => new HttpRefusal(403, 'forbidden', errorSentence.forbidden)

/** Takes `/t/<token>` off the front of a path. */
function splitToken(path: string): { bare: string; token?: string } {
  if (!path.startsWith('/t/')) return { bare: path }
  const match = /^\/t\/([^/]+)(?=\/)/.exec(path)
  if (!match) return { bare: path }
  return { bare: path.slice(match[0].length), token: match[1]! }
}

/** The token that a request brings: as bearer (RFC 6750 §2.1), subprotocol, or in its path. */
function tokenOf(request: IncomingMessage, path: string): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')
  if (bearer) return bearer[1]
  const offered = offeredProtocols(request).find((p) => p.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
  if (offered) return offered.slice(TOKEN_SUBPROTOCOL_PREFIX.length)
  const inPath = splitToken(path).token
  return inPath === undefined ? undefined : decodeSegment(inPath)
}
