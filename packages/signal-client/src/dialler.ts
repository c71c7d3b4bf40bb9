import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from 'signal-protocol'
import { SignalError, type SignalErrorCode } from './errors.js'
import type { RawSocket, WebSocketClass } from './raw-socket.js'

/**
 * A token (of the characters that the name of a subprotocol may have, as a JWT is), or what gives
 * the one to use now: it is asked before every attempt.
 */
export type Token = string | (() => string | Promise<string>)

/** Opens sockets on a signal server, and asks it why one was refused. */
export interface Dialler {
  /** Whether the app can have another token for the next attempt. */
  readonly renewsToken: boolean
  /**
   * @param path - below the server's URL, encoded
   * @param Socket - which class to use
   */
  dial(path: string, Socket: WebSocketClass): Promise<RawSocket>
  /**
   * Asks a path with a plain GET why its upgrade was refused: all that a browser sees of that is
   * 1006.
   *
   * @returns undefined where another attempt may succeed
   */
  whyNot(path: string): Promise<SignalError | undefined>
}

// refusals of the path itself or of who asks: the next attempt would be refused as well
const final = [400, 401, 403, 404, 414]
const answerTime = 5_000

/**
 * @param url - of the server, `http(s)` or `ws(s)`, with its mount path
 * @throws TypeError where the URL is none of these
 */
export function createDialler(url: string | URL, token: Token | undefined): Dialler {
  const base = new URL(url).href.replace(/^http/, 'ws').replace(/\/*([?#].*)?$/, '')
  if (!/^ws/.test(base)) throw new TypeError(`"${url}" is not an http or ws URL.`)
  const renewsToken = typeof token === 'function'
  const current = async () => (renewsToken ? token() : token)
  /** The token of the last attempt. */
  let used: string | undefined

  return {
    renewsToken,
    async dial(path, Socket) {
      used = await current()
      const protocols = [SUBPROTOCOL, ...(used ? [TOKEN_SUBPROTOCOL_PREFIX + used] : [])]
      const socket = new Socket(base + path, protocols)
      socket.binaryType = 'arraybuffer'
      // what went wrong is told by onclose, or by whyNot
      socket.onerror = () => {}
      return socket
    },
    async whyNot(path) {
      try {
        const response = await fetch(base.replace('ws', 'http') + path, {
          headers: used ? { Authorization: `Bearer ${used}` } : {},
          signal: AbortSignal.timeout(answerTime),
        })
        const { status } = response
        if (!final.includes(status) || (status === 401 && (await current()) !== used)) return
        const body = (await response.json().catch(() => ({}))) as Refusal
        const { error = `http_${status}`, message = error } = body
        return new SignalError(error, message)
      } catch {
        // nobody answers: that may heal
      }
    },
  }
}

/** The body of a refusal. */
interface Refusal {
  error?: SignalErrorCode
  message?: string
}
