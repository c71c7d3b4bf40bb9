import type { Random } from '../random.js'
import { flipped } from './wild-values.js'

const segments = ['alice', 'bob', 'k', '', '%', '%00', '%2F', '..', '__proto__', 'a:b', '🐟', '*']
const methods = ['GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'CONNECT', 'get', '\0']
const others = ['relay-ws', 'rtc', 'call', 'socket.io/?EIO=4&transport=websocket']
const strangers = ['app', 'healthz', 'rtc/', 'call/x', 'socket.io/?EIO=3', 'socket.io/socket.io.js']
const types = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', '*']

/** A target: one of the endpoints mostly, whole mostly. */
export function wildTarget(random: Random): string {
  const segment = () =>
    random.chance(0.7) ? `p${random.below(30)}` : encodeURI(random.pick(segments))
  // an app may have few clients, and end with the last of them
  const app = random.chance(0.3) ? `?app=a${random.below(20)}` : ''
  const kind = random.below(20)
  if (kind < 6) return `/introduction/${segment()}${app}`
  if (kind < 9) return `/connection/${segment()}/${segment()}/${segment()}`
  // few, so that they meet
  if (kind < 12) return `/connection/p${random.below(4)}/p${random.below(4)}/k${app}`
  if (kind < 18) return `/${random.pick(others)}`
  if (kind === 18) return `/${random.pick(strangers)}`
  return `${random.pick(['/', '//', '/t/', '*', 'http://x/', '/x/'])}${segment()}/${segment()}`
}

/** A subprotocol of the link protocol: a session, a hello, or something that is nearly one. */
function wildLink(random: Random): string {
  const length = random.pick([0, 10, 11, 12, 19, 20, 63, 300, 301, 2_000])
  const end = random.pick(['', '', '', '~', '.'])
  return `signal.link.${random.pick([1, 1, 1, 2])}.${'aZ9-_'.repeat(400).slice(0, length)}${end}`
}

/** A list of subprotocols, `signal.v1` mostly among them. */
function wildProtocols(random: Random): string {
  const protocols = random.chance(0.9) ? ['signal.v1'] : []
  while (random.chance(0.5)) {
    protocols.splice(random.below(protocols.length + 1), 0, wildLink(random))
  }
  return protocols.join(', ')
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
  if (random.chance(0.5)) lines.push(`Sec-WebSocket-Protocol: ${wildProtocols(random)}`)
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

/** A plain request to what answers HTTP: socket.io by long polling, tokens, and pages. */
export function wildRequest(random: Random, body: Buffer, session: string): Buffer {
  const polling = `/socket.io/?EIO=4&transport=polling${session && `&sid=${session}`}`
  const target = random.chance(0.7) ? polling : random.pick(['/app', wildTarget(random)])
  const method = random.chance(0.9) ? random.pick(['GET', 'POST']) : random.pick(methods)
  const bare = method === 'GET'
  const length = random.chance(0.95) ? body.length : random.below(100_000)
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: localhost']
  if (!bare) lines.push(`Content-Type: ${random.pick(types)}`, `Content-Length: ${length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return bare ? head : Buffer.concat([head, body])
}
