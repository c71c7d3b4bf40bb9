import type { Random } from './random.js'
import { flipped } from './wild-values.js'

const segments = ['alice', 'bob', 'k', '', '%', '%00', '%2F', '..', '__proto__', 'a:b', '🐟', '*']
const methods = ['GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'CONNECT', 'get', '\0']
const others = ['relay-ws', 'rtc', 'call', 'socket.io/?EIO=4&transport=websocket', 'app', 'healthz']

/** A target: one of the endpoints mostly, whole mostly. */
export function wildTarget(random: Random): string {
  const segment = () =>
    random.chance(0.7) ? `p${random.below(30)}` : encodeURI(random.pick(segments))
  const kind = random.below(10)
  if (kind < 4) return `/introduction/${segment()}`
  if (kind < 8) return `/connection/${segment()}/${segment()}/${segment()}`
  if (kind === 8) return `/${random.pick(others)}`
  return `${random.pick(['/', '//', '/t/', '*', 'http://x/', '/x/'])}${segment()}/${segment()}`
}

/** A WebSocket handshake for a target, which may be spoilt. */
export function wildHandshake(random: Random, target: string, spoilt: boolean): Buffer {
  const lines = [
    `${spoilt ? random.pick(methods) : 'GET'} ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  if (random.chance(0.5)) lines.push('Sec-WebSocket-Protocol: signal.v1')
  if (spoilt) {
    const at = 1 + random.below(lines.length)
    const flaws = [
      `X-Long: ${'x'.repeat(random.length(30_000))}`,
      'Sec-WebSocket-Version: 8',
      ':',
      '',
    ]
    if (random.chance(0.4)) lines.splice(at, 1)
    else lines.splice(at, 0, random.pick(flaws))
  }
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  if (!spoilt || random.chance(0.6)) return bytes
  return random.chance(0.5)
    ? flipped(random, bytes)
    : bytes.subarray(0, random.below(bytes.length + 1))
}
