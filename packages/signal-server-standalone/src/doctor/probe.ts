import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { SUBPROTOCOL } from 'signal-server-protocol'
import { WebSocket } from 'ws'

/** How long anything may take that should take no time, in milliseconds. */
export const patience = 10_000

/** An HTTP response. */
export interface Response {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: string
  milliseconds: number
}

/** An upgrade that was not answered with 101. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super(`answered with ${status}`)
  }

  /** The server's own sentence, where it was a signal-server that refused. */
  get sentence(): string | undefined {
    return ownFields(this.body)?.message
  }
}

/** The code and sentence in a body, where a signal-server wrote it. */
export function ownFields(body: string): { error: string; message: string } | undefined {
  try {
    const fields = JSON.parse(body) as { error?: unknown; message?: unknown } | null
    const { error, message } = fields ?? {}
    return typeof error === 'string' && typeof message === 'string' ? { error, message } : undefined
  } catch {
    return undefined
  }
}

/** Looks at a server: how to speak with it. */
export class Probe {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** Without a slash at its end. */
  readonly #base: string

  constructor(
    url: URL,
    readonly token: string | undefined,
  ) {
    this.secure = url.protocol === 'https:' || url.protocol === 'wss:'
    this.host = url.hostname.replace(/^\[|\]$/g, '')
    this.port = Number(url.port) || (this.secure ? 443 : 80)
    this.#base = `${url.host}${url.pathname.replace(/\/+$/, '')}`
  }

  get url(): string {
    return `${this.secure ? 'https' : 'http'}://${this.#base}`
  }

  /** A plain GET, which follows no redirection; rejects where there is no answer. */
  get(path: string): Promise<Response> {
    const start = performance.now()
    // what is wrong with a certificate has been said before
    const options = {
      headers: authorization(this.token),
      rejectUnauthorized: false,
      timeout: patience,
      agent: false as const,
    }
    return new Promise((resolve, reject) => {
      const request = (this.secure ? httpsRequest : httpRequest)(`${this.url}${path}`, options)
      request.on('timeout', () => request.destroy(new Error('no answer in time')))
      request.on('error', reject)
      request.on('response', (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('error', reject)
        response.on('end', () => {
          const milliseconds = performance.now() - start
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            milliseconds,
          })
        })
      })
      request.end()
    })
  }

  /**
   * A WebSocket that is open, and keeps what it is sent.
   * @param v1 - whether the subprotocol is offered
   * @param token - null for none
   * @param origin - of the page that connects
   * @throws Refused where there is another answer than 101; Error where there is none
   */
  open(
    path: string,
    v1: boolean,
    { token = this.token, origin }: { token?: string | null | undefined; origin?: string } = {},
  ): Promise<Peer> {
    const ws = new WebSocket(
      `${this.secure ? 'wss' : 'ws'}://${this.#base}${path}`,
      v1 ? [SUBPROTOCOL] : [],
      {
        headers: authorization(token),
        rejectUnauthorized: false,
        handshakeTimeout: patience,
        perMessageDeflate: false,
        ...(origin !== undefined && { origin }),
      },
    )
    const peer = new Peer(ws)
    return new Promise((resolve, reject) => {
      ws.on('open', () => resolve(peer))
      ws.on('error', reject)
      ws.on('unexpected-response', (_request, response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('close', () => {
          reject(new Refused(response.statusCode ?? 0, body))
          ws.terminate()
        })
      })
    })
  }
}

/** An open WebSocket whose messages can be waited for. */
export class Peer {
  readonly #messages: Buffer[] = []
  #waiting: ((message: Buffer) => void) | undefined
  /** How it was closed, once it is. */
  closing: { code: number; reason: string; at: number } | undefined

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting) waiting(data)
      else this.#messages.push(data)
    })
    ws.on('close', (code, reason) => {
      this.closing = { code, reason: reason.toString(), at: performance.now() }
    })
  }

  send(data: string | Buffer): void {
    this.ws.send(data)
  }

  /** The next message; rejects where none comes in time, or the socket closes. */
  next(milliseconds = patience): Promise<Buffer> {
    const message = this.#messages.shift()
    if (message) return Promise.resolve(message)
    if (this.closing) return Promise.reject(new Error(this.#closedHow()))
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        clearTimeout(timer)
        this.#waiting = undefined
        this.ws.off('close', closed)
        action()
      }
      const closed = () => settle(() => reject(new Error(this.#closedHow())))
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`nothing came within ${milliseconds / 1_000} s`)))
      }, milliseconds)
      this.ws.on('close', closed)
      this.#waiting = (found) => settle(() => resolve(found))
    })
  }

  /** The next message of a type, as JSON; those of other types are left out. */
  async nextOf(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const message = JSON.parse((await this.next()).toString()) as Record<string, unknown>
      if (message['type'] === type) return message
      if (message['type'] === 'Error') throw new Error(String(message['message']))
    }
  }

  end(): void {
    this.ws.close(1000)
  }

  #closedHow(): string {
    const { code, reason } = this.closing!
    return `the connection was closed (${code}${reason && `: ${reason}`})`
  }
}

const authorization = (token: string | null | undefined): Record<string, string> =>
  typeof token !== 'string' ? {} : { Authorization: `Bearer ${token}` }
