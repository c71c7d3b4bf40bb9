import { Packr } from 'msgpackr'
import { packedMessage } from './msgpack.js'
import { nestedJson } from './nested-json.js'
import type { Random } from '../random.js'

// what has hurt servers of this kind before, and what their authors thought of least
const strings = [
  '',
  ' ',
  'k',
  'alice',
  'bob',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'a:b',
  'a/b',
  '%',
  '%2F',
  '🐟',
  '\0',
  '\ud800',
  'x'.repeat(257),
  'y'.repeat(5_000),
  '*',
  'null',
]
const types = [
  'Join',
  'Leave',
  'Announce',
  'Signal',
  'Heartbeat',
  '❤️',
  'Ping',
  'ls',
  'leave',
  'offer',
  'answer',
  'ice',
  'identify',
  'accept',
  'reject',
  'icecandidate',
  'register',
  'list',
  'call',
  'incomingCallResponse',
  'onIceCandidate',
  'stop',
  'ping',
  'Paired',
  'Welcome',
  'nonsense',
]
const fields = [
  'join',
  'leave',
  'documentIds',
  'info',
  'to',
  'from',
  'signal',
  'sdp',
  'data',
  'id',
  'name',
  'target',
  'source',
  'candidate',
  'sdpOffer',
  'callResponse',
  'type',
  '__proto__',
  'nonce',
]
const packr = new Packr({ useRecords: false })

/** A value of any shape that JSON or msgpack can carry. */
export function wildValue(random: Random, depth = 0): unknown {
  const kind = random.below(depth > 3 ? 5 : 8)
  switch (kind) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return random.pick([0, -1, 1e308, 2 ** 53, 0.1, random.below(1_000)])
    case 3:
    case 4:
      return random.pick(strings)
    case 5:
      return Array.from({ length: random.length(40) }, () => wildValue(random, depth + 1))
    default:
      return wildFields(random, depth)
  }
}

/** An object whose names are mostly those that some protocol here knows. */
function wildFields(random: Random, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = []
  for (let i = random.below(5); i >= 0; i--) {
    entries.push([random.pick(fields), wildValue(random, depth + 1)])
  }
  if (random.chance(0.8)) {
    entries.push([random.pick(['type', 'type', 'id']), random.pick(types)])
  }
  if (random.chance(0.5)) {
    entries.push([random.pick(['join', 'leave', 'documentIds']), someKeys(random)])
  }
  return Object.fromEntries(entries)
}

const someKeys = (random: Random) =>
  Array.from({ length: random.length(1_500) }, (_, i) => (i < 3 ? random.pick(strings) : `k${i}`))

/** A message, and whether it is binary: JSON, msgpack, or neither. */
export function wildMessage(random: Random): { data: Buffer; binary: boolean } {
  const binary = random.chance(0.4)
  const kind = random.below(10)
  if (kind === 0) return { data: random.bytes(random.length(2_000)), binary }
  const most = random.length(20_000)
  // what a decoder may make more of than it is long
  if (kind === 4 && binary) return { data: packedMessage(random, most), binary }
  if (kind === 4) return { data: Buffer.from(nestedJson(random, most)), binary }
  const value = wildValue(random)
  const text = () => Buffer.from(JSON.stringify(value) ?? '')
  let data = binary ? packed(value) : text()
  if (kind === 1) data = flipped(random, data)
  if (kind === 2) data = data.subarray(0, random.below(data.length + 1))
  // nesting without end
  if (kind === 3) data = Buffer.alloc(random.length(100_000), random.pick(['[', '{"a":', '\x91']))
  return { data, binary }
}

function packed(value: unknown): Buffer {
  return Buffer.from(packr.pack(value))
}

/** The same bytes with a few bits turned. */
export function flipped(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let i = random.below(4); i >= 0 && copy.length > 0; i--) {
    copy[random.below(copy.length)]! ^= 1 << random.below(8)
  }
  return copy
}
