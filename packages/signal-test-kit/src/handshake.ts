/** The key that these handshakes bring (RFC 6455, section 1.3). */
export const HANDSHAKE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** What a handshake has that is not usual; a header given as undefined is left out. */
export interface HandshakeFlaws {
  method?: string
  version?: string
  headers?: Record<string, string | undefined>
}

/** A WebSocket handshake as bytes, or one with a flaw. */
export function handshake(
  target: string,
  { method = 'GET', version = 'HTTP/1.1', headers = {} }: HandshakeFlaws = {},
): string {
  const all: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': HANDSHAKE_KEY,
    ...headers,
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${method} ${target} ${version}\r\n${fields}\r\n`
}
