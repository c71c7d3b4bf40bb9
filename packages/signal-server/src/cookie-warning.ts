import type { IncomingMessage } from 'node:http'

let warned = false

/**
 * Watches whether an `authorize` hook reads the cookies of a request, on a server that names no
 * origins. A browser sends the cookies of its user with every WebSocket that any page opens (RFC
 * 6455 §10.2): such a hook lets every page act as the user who looks at it. The first time, it is
 * told with `process.emitWarning`, once in a process.
 *
 * @returns ends that
 */
export function watchCookies({ headers }: IncomingMessage): () => void {
  const { cookie } = headers
  if (warned || cookie === undefined) return () => {}
  const property = { configurable: true, enumerable: true }
  Object.defineProperty(headers, 'cookie', {
    ...property,
    get: () => {
      warn()
      return cookie
    },
  })
  return () => {
    Object.defineProperty(headers, 'cookie', { ...property, writable: true, value: cookie })
  }
}

function warn(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    'The authorize hook reads cookies, and the option "origins" is not set: any web page can act ' +
      'as the users that visit it. List the origins of your app in "origins".',
    { type: 'SecurityWarning', code: 'SIGNAL_COOKIES_WITHOUT_ORIGINS' },
  )
}
