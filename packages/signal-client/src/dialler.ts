import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from 'signal-server-protocol'
import { SignalError, type SignalErrorCode } from './errors.js'
import type { RawSocket, WebSocketClass } from './raw-socket.js'

/**
 * A token (of the characters that the name of a subprotocol may have, as a JWT is), or what gives
 * the one to use now: it is asked before every attempt, and has 30 s to answer.
 */
export type Token = string | (() => string | Promise<string>)

/** Why an attempt came to nothing. */
export interface Refusal {
  readonly error: SignalError
  /** Whether a signal server has refused it, and would again. */
  readonly final: boolean
}

/** The body of what a signal server refuses, if it is one. */
interface Body {
  error: unknown
  message: unknown
}

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
  whyNot(path: string): Promise<Refusal | undefined>
}

const answerTime = 5_000
// how the codes of a signal server look, which others seldom have
const codes = /^[a-z_]+$/

/**
 * @param url - of the server, `http(s)` or `ws(s)`, with its mount path
 * @throws TypeError where the URL is none of these
 */
export function createDialler(url: string | { href: string }, token: Token | undefined): Dialler {
  const base = baseOf(url)
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
      const address = base.replace('ws', 'http') + path
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), answerTime)
      try {
        const response = await fetch(address, {
          headers: used ? { Authorization: `Bearer ${used}` } : {},
          signal: late.signal,
        })
        const { status } = response
        // too many, too early, or a server that is down behind its proxy: that heals
        if (status > 426 || status === 408) return
        const { error, message } =
          ((await response.json().catch(() => null)) as Partial<Body>) ?? {}
        if (error === 'upgrade_required') return passing('upgrade_failed', upgradeFailed)
        // refused are the path itself or the client: the next attempt would be as well
        if (typeof message === 'string' && codes.test((error ?? '') as string)) {
          // unless the app can have another token for it
          if (status === 401 && (await current()) !== used) return
          return { final: true, error: new SignalError(error as SignalErrorCode, message) }
        }
        return passing(`http_${status}`, `No signal server answers at ${address}`)
      } catch {
        // nobody answers: that may heal
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** What may heal. */
const passing = (code: SignalErrorCode, sentence: string): Refusal => ({
  final: false,
  error: new SignalError(code, sentence),
})

const upgradeFailed = 'A proxy or a redirect lets no WebSocket through.'

function baseOf(url: string | { href: string }): string {
  try {
    const base = new URL(typeof url === 'string' ? url : url.href).href
    if (/^(http|ws)s?:/.test(base)) return base.replace(/^http/, 'ws').replace(/\/*([?#].*)?$/, '')
  } catch {
    // said below
  }
  throw new TypeError(`url: ${JSON.stringify(url)} is not an http or ws URL.`)
}
