import { enginePacket } from './engine-packets.js'
import type { Random } from '../random.js'
import { wildMessage, wildValue } from './wild-values.js'

type Fields = Record<string, unknown>

/** What a client knows: who it is, and what the server has told it. */
export interface Knowledge {
  /** The name by which it goes. */
  readonly me: string
  /** A token for apps. */
  readonly token: string
  /** Texts that the server has sent: ids of others, tokens, rooms. */
  readonly heard: readonly string[]
}

/** The language of a protocol: what brings a client into it, and what may be said there. */
export interface Words {
  hello(knows: Knowledge): string[]
  say(random: Random, knows: Knowledge): string
}

/** Of few, so that they meet. */
export const someName = (random: Random): string => `p${random.below(8)}`

/** Whose id the server makes: mostly one that was heard of. */
const somebody = (random: Random, { heard }: Knowledge): string =>
  random.chance(0.9) && heard.length > 0 ? random.pick(heard) : someName(random)

/** Mostly as it should be; sometimes a field is something else, or is not there. */
function spoilt(random: Random, fields: Fields): Fields {
  if (random.chance(0.85)) return fields
  return { ...fields, [random.pick(Object.keys(fields))]: wildValue(random) }
}

const someKeys = (random: Random) =>
  Array.from({ length: 1 + random.below(4) }, () => `k${random.below(6)}`)

/** For clients of both textual dialects: the older one looks at the fields only. */
const introduction: Words = {
  hello: () => ['{"type":"Join","join":["k0"]}'],
  say: (random) => {
    const messages: Fields[] = [
      { type: 'Join', join: someKeys(random) },
      { type: 'Join', join: someKeys(random), leave: someKeys(random) },
      { type: 'Leave', leave: someKeys(random) },
      { type: 'Announce', info: wildValue(random) },
      { type: 'Signal', to: `p${random.below(30)}`, signal: wildValue(random) },
    ]
    return JSON.stringify(spoilt(random, random.pick(messages)))
  },
}

const relayWs: Words = {
  hello: () => ['{"type":"ls"}'],
  say: (random, knows) => {
    const type = random.pick(['ls', 'offer', 'answer', 'ice', 'ice', 'leave'])
    const to = somebody(random, knows)
    return JSON.stringify(spoilt(random, { type, to, from: knows.me, sdp: 'v=0' }))
  },
}

const rtc: Words = {
  hello: ({ me }) => [JSON.stringify({ type: 'identify', data: { id: me, name: me } })],
  say: (random, knows) => {
    const type = random.pick(['identify', 'offer', 'accept', 'reject', 'icecandidate', 'peer'])
    const own = random.chance(0.9) ? knows.me : someName(random)
    const fields =
      type === 'identify'
        ? { id: own, name: random.pick(['', own, 'another']) }
        : { target: someName(random), [random.pick(['source', 'id'])]: own, sdp: 'v=0' }
    return JSON.stringify(spoilt(random, { type, data: spoilt(random, fields) }))
  },
}

const call: Words = {
  hello: ({ me }) => [
    JSON.stringify({ id: 'register', name: me }),
    JSON.stringify({ id: 'call', from: me, to: `p${Number(me.slice(1)) ^ 1}`, sdpOffer: 'o' }),
  ],
  say: (random, knows) => {
    const { me } = knows
    const other = someName(random)
    const messages: Fields[] = [
      { id: 'register', name: random.chance(0.7) ? me : other },
      { id: 'list' },
      { id: 'call', from: me, to: other, sdpOffer: { sdp: 'v=0' } },
      { id: 'incomingCallResponse', from: other, callResponse: 'accept', sdpOffer: 'v=0' },
      { id: 'incomingCallResponse', from: other, callResponse: 'reject', message: 'no' },
      { id: 'onIceCandidate', candidate: { candidate: 'c' } },
      { id: 'answer', sdp: 'v=0' },
      { id: 'stop' },
      { id: 'ping' },
    ]
    return JSON.stringify(spoilt(random, random.pick(messages)))
  },
}

const roomEvents = [
  'auth-request',
  'room-create-request',
  'room-join-request',
  'room-join-accept',
  'room-join-reject',
  'relay-session-description',
  'relay-ice-candidate',
  'place',
  'gone',
  '__proto__',
]

/** In packets of socket.io. */
const rooms: Words = {
  hello: ({ token }) => [
    `40${JSON.stringify({ token })}`,
    `42${JSON.stringify(['auth-request', { token, peerinfo: { name: 'x' } }])}`,
  ],
  say: (random, knows) => {
    if (random.chance(0.1)) return enginePacket(random, random.length(2_000), knows.token)
    if (random.chance(0.15)) {
      const noise = wildMessage(random).data.toString()
      return `${random.pick(['', '2', '3', '4', '40', '41', '42', '43', '45', '451-', '5'])}${noise}`
    }
    // session tokens are as long as a UUID
    const auth =
      knows.heard.find(({ length }) => length === 36) ?? random.pick(['', ...knows.heard])
    const event = spoilt(random, {
      auth,
      token: knows.token,
      room: random.chance(0.8) ? `r${random.below(5)}` : somebody(random, knows),
      peer_id: somebody(random, knows),
      session_description: { type: 'offer' },
      ice_candidate: 1,
      payload: 'p',
    })
    return `42${JSON.stringify([random.pick(roomEvents), event])}`
  },
}

/** The language that is spoken at a target, where it is one of these. */
export function wordsAt(target: string): Words | undefined {
  if (target.startsWith('/introduction/')) return introduction
  if (target === '/relay-ws') return relayWs
  if (target === '/rtc') return rtc
  if (target === '/call') return call
  return target.startsWith('/socket.io') ? rooms : undefined
}
