import { Opcode } from 'signal-test-kit'
import { plainFrame } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { eightFrom, type Target } from '../target.js'
import { pause, type Storm } from './storm.js'

// Clients that use up a limit, and keep what they have of it: at one address, or at eight, which have
// an eighth of the limit each.

interface Hoard {
  limit: string
  /** As many as use up the limit. */
  clients: number
  /** One client, which takes as much as it may. */
  take: (target: Target, i: number) => Promise<RawClient>
  /** Milliseconds until all that they have sent is taken. */
  settle: number
}

/** Connections that wait, each with as many bytes as a hold may have. */
const holds: Hoard = {
  limit: 'holds',
  clients: 300,
  async take(target, i) {
    const client = await RawClient.open(target, `/connection/holder-${i}/nobody/k`)
    client.write(heldMessage)
    return client
  },
  settle: 1_000,
}

const heldMessage = plainFrame(Opcode.binary, Buffer.alloc(250_000))

const keysAtOnce = 1_000
// some take what the others leave, key by key; of an address that is known 250 come in
const isLeft = (i: number) => i % 20 === 19

/** Sessions with thousands of keys. */
const registrations: Hoard = {
  limit: 'registrations',
  clients: 520,
  async take(target, i) {
    const client = await RawClient.open(target, `/introduction/hoarder-${i}`, { v1: true })
    const keys = (begin: number) =>
      Array.from({ length: keysAtOnce }, (_, key) => `${i} ${begin + key}`)
    const joins = isLeft(i) ? keys(0).map((key) => [key]) : [0, 1_000, 2_000].map(keys)
    for (const join of joins) client.json({ type: 'Join', join })
    return client
  },
  settle: 3_000,
}

/** Seats of an endpoint that has a limit of its own. */
const seats = (endpoint: string, hello?: (i: number) => object): Hoard => ({
  limit: `seats-${endpoint}`,
  clients: 1_000,
  async take(target, i) {
    const client = await RawClient.open(target, `/${endpoint}`)
    if (hello) client.json(hello(i))
    return client
  },
  settle: 500,
})

/** Sockets of any kind; the server of a campaign allows fewer than one of operators. */
export const hoardedSockets = 2_000
const sockets: Hoard = {
  limit: 'sockets',
  clients: hoardedSockets,
  take(target, i) {
    const paths = [`/introduction/h-${i}`, `/connection/h-${i}/nobody/k`, '/relay-ws']
    return RawClient.open(target, paths[i % paths.length]!)
  },
  settle: 500,
}

function hoard(
  { clients, take, settle }: Hoard,
  name: string,
  targets: (target: Target) => readonly Target[],
): Storm {
  return {
    name,
    row: 51,
    async run(target, _random, size) {
      const addresses = targets(target)
      const held = await crowd(clients * size, (i) => take(addresses[i % addresses.length]!, i))
      await pause(settle)
      return { held }
    },
  }
}

const ofOne = (one: Hoard) => hoard(one, `hoard-${one.limit}`, (target) => [target])
const ofEight = (one: Hoard) => hoard(one, `eight-hoard-${one.limit}`, eightFrom)

const rtc = seats('rtc', (i) => ({ type: 'identify', data: { id: `seat-${i}`, name: '' } }))
const relayWs = seats('relay-ws')
const call = seats('call', (i) => ({ id: 'register', name: `seat-${i}` }))

export const hoards: readonly Storm[] = [
  ...[holds, registrations, rtc, relayWs, call, sockets].map(ofOne),
  ...[holds, registrations, call, sockets].map(ofEight),
]
