import { nestedJson } from './nested-json.js'
import type { Random } from '../random.js'

// Packets of engine.io 4 (one digit, and by long polling many of them between record separators),
// and of socket.io 5 inside of its messages: digit, number of attachments, namespace, id, JSON.

/** One message of socket.io, in a packet of engine.io. */
function socketPacket(random: Random, bytes: number, token: string): string {
  const type = random.below(10)
  const namespace = random.chance(0.2)
    ? random.pick(['/', '/a,', `/${'n'.repeat(bytes)},`, ','])
    : ''
  const id = random.chance(0.2) ? '9'.repeat(1 + random.length(bytes)) : ''
  if (type === 0) return `40${namespace}${JSON.stringify({ token })}`
  if (type < 4) {
    // binary: so many attachments follow, or do not; each placeholder names one
    const count = random.pick([0, 1, 2, 10, 1e9, '9'.repeat(20)])
    const placeholder = `{"_placeholder":true,"num":${random.pick([0, 1, -1, 1e9, '"x"', 'null'])}}`
    const many = Array<string>(1 + random.length(bytes / 32)).fill(placeholder)
    return `4${random.pick([5, 6])}${count}-${namespace}${id}["auth-request",${many.join(',')}]`
  }
  const names = ['"auth-request"', '"room-create-request"', '"relay-ice-candidate"', '"x"']
  // a name that is no text, or that the library keeps for itself
  const event = random.pick([...names, ...names, '5', 'null', '{}', '[]', '"disconnect"', '""'])
  return `42${namespace}${id}[${event},${nestedJson(random, bytes)}]`
}

/** One packet of engine.io, of about so many bytes. */
export function enginePacket(random: Random, bytes: number, token: string): string {
  if (random.chance(0.7)) return socketPacket(random, bytes, token)
  const noise = random.pick(['', 'probe', 'x'.repeat(bytes)])
  return `${random.pick(['0', '1', '2', '3', '4', '5', '6', 'b', '9', ''])}${noise}`
}

/** What a client of long polling posts: many packets, most of them empty or tiny. */
export function pollingPayload(random: Random, bytes: number, token: string): string {
  const small = random.pick(['3', '2', '6', '4', '', '42[]', 'bAA==', '40'])
  const separated = `${small}\x1e`.repeat(bytes / (small.length + 1))
  return random.chance(0.5)
    ? separated + enginePacket(random, 100, token)
    : enginePacket(random, bytes, token)
}
