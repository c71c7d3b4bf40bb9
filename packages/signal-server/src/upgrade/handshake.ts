import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { SUBPROTOCOL } from 'signal-server-protocol'
import type { Upgrade } from '../endpoint.js'
import { HttpRefusal } from '../errors.js'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const keyPattern = /^[+/0-9A-Za-z]{22}==$/
// RFC 9110 §5.6.2
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Checks that a request is a WebSocket handshake (RFC 6455 §4.2.1).
 * @throws HttpRefusal 400, 405 or 426
 */
export function checkHandshake({ method, headers }: IncomingMessage): void {
  if (method !== 'GET') throw methodNotAllowed()
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw upgradeRequired()
  if (headers['sec-websocket-version'] !== '13') throw upgradeRequired()
  if (!keyPattern.test(headers['sec-websocket-key'] ?? '')) {
    throw new HttpRefusal(400, 'bad_request', 'The header Sec-WebSocket-Key is missing or invalid.')
  }
  const protocols = headers['sec-websocket-protocol']
  if (protocols === undefined) return
  const offered = protocols.split(',').map((name) => name.trim())
  if (new Set(offered).size < offered.length || !offered.every((name) => token.test(name))) {
    const sentence = 'The header Sec-WebSocket-Protocol must be a list of different tokens.'
    throw new HttpRefusal(400, 'bad_request', sentence)
  }
}

/** 405, for anything but GET. */
export const methodNotAllowed = () =>
  new HttpRefusal(405, 'method_not_allowed', 'Only GET is allowed here.', { Allow: 'GET, HEAD' })

/** 426, for a request that does not ask for WebSocket version 13 (RFC 6455 §4.4). */
export const upgradeRequired = () =>
  new HttpRefusal(426, 'upgrade_required', 'This is a WebSocket endpoint, version 13.', {
    Upgrade: 'websocket',
    // who may have to come again with an upgrade must not count on this connection
    Connection: 'Upgrade, close',
    'Sec-WebSocket-Version': '13',
  })

/** The subprotocols that a request offers (RFC 6455 §11.3.4). */
export function offeredProtocols({ headers }: IncomingMessage): string[] {
  const protocols = headers['sec-websocket-protocol']
  if (protocols === undefined) return []
  return protocols
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/**
 * Answers 101 (RFC 6455 §4.2.2), without extensions, and leaves the socket alone: `ws` offers no
 * documented way to do only this.
 */
export function answerUpgrade({ request, socket, head, v1 }: Upgrade): void {
  const key = request.headers['sec-websocket-key']!
  const accept = hash('sha1', key + guid, 'base64')
  socket.setNoDelay(true)
  socket.setTimeout(0)
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\n' +
      'Upgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n` +
      `${v1 ? `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n` : ''}\r\n`,
    'latin1',
  )
  if (head.length > 0) socket.unshift(head)
}
