import { Server as NetServer } from 'node:net'
import { inspect } from 'node:util'

/** @throws TypeError that says what to write instead */
export function checkAttachment(server: unknown, options: unknown): void {
  if (typeof server === 'function') {
    throw new TypeError(
      'attach() and mount() take the HTTP server, and this is an app or a function: ' +
        'write "const server = createServer(app)", pass server, and call server.listen() instead of app.listen().',
    )
  }
  // HTTP and HTTPS servers are both of this class
  if (!(server instanceof NetServer)) {
    throw new TypeError(`attach() and mount() take an HTTP server, not ${shown(server)}.`)
  }
  checkOptions('attach', options, "{ path: '/signal' }")
}

/**
 * Checks what was passed as the options of a function: a path or a port in their place would be
 * ignored.
 *
 * @param method - the name of the function
 * @throws TypeError that says what to write instead
 */
export function checkOptions(method: string, options: unknown, example: string): void {
  if (typeof options === 'object' && options !== null) return
  throw new TypeError(
    `The options of ${method}() must be an object such as ${example}, not ${shown(options)}.`,
  )
}

const shown = (value: unknown) => inspect(value, { depth: 0, breakLength: Infinity })
