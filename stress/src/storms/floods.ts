import { Opcode } from 'signal-test-kit'
import { plainFrame, repeated } from '../clients/frames.js'
import { deafPairs } from '../clients/deaf-pairs.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import type { Random } from '../random.js'
import type { Storm } from './storm.js'

// Frames that cost more than their bytes, in any number, to clients that read nothing.

const floodTime = 4_000
const webSockets = [
  '/introduction/*',
  '/connection/*/nobody/k',
  '/rtc',
  '/relay-ws',
  '/call',
  '/socket.io/?EIO=4&transport=websocket',
]

const frames: Readonly<Record<string, (random: Random) => Buffer>> = {
  'empty-pings': () => plainFrame(Opcode.ping, Buffer.alloc(0)),
  pings: () => plainFrame(Opcode.ping, Buffer.alloc(125, 'p')),
  pongs: () => plainFrame(Opcode.pong, Buffer.alloc(0)),
}

/** A message that never ends, in pieces of so many bytes. */
const pieces = (bytes: number) => plainFrame(Opcode.continuation, Buffer.alloc(bytes, 'x'), false)
const begin = plainFrame(Opcode.text, Buffer.from('"'), false)

/** As fast as it is taken, for a while. */
const flood = (clients: readonly RawClient[], bytes: Buffer) => {
  const until = Date.now() + floodTime
  return Promise.all(clients.map((client) => client.pour(bytes, Infinity, until)))
}

function pipes(kind: string): Storm {
  return {
    name: `${kind}-in-pipes`,
    row: 50,
    async run(target, random, size) {
      const { readers, senders } = await deafPairs(target, Math.ceil(10 * size), kind)
      await flood(senders, repeated(frames[kind]!(random), 2_000))
      return { held: [...readers, ...senders] }
    },
  }
}

function introductions(kind: string): Storm {
  return {
    name: `${kind}-in-introductions`,
    row: 50,
    async run(target, random, size) {
      const clients = await crowd(200 * size, (i) =>
        RawClient.open(target, `/introduction/pinging-${i}`, { deaf: true, v1: true }),
      )
      for (const client of clients) client.json({ type: 'Join', join: ['pings'] })
      await flood(clients, repeated(frames[kind]!(random), 1_000))
      return { held: clients }
    },
  }
}

/** On every endpoint at once. */
const smallPieces: Storm = {
  name: 'small-pieces',
  row: 50,
  async run(target, random, size) {
    const clients = await crowd(60 * size, (i) =>
      RawClient.open(target, webSockets[i % webSockets.length]!.replace('*', `pieces-${i}`)),
    )
    for (const client of clients) client.write(begin)
    await flood(clients, repeated(pieces(random.pick([0, 1, 2])), 1_000))
    return { held: clients }
  },
}

/** Messages on a pipe in pieces of two bytes, to a reader that reads nothing. */
const piecesInPipes: Storm = {
  name: 'small-pieces-in-pipes',
  row: 50,
  async run(target, _random, size) {
    const { readers, senders } = await deafPairs(target, Math.ceil(10 * size), 'pieces')
    for (const sender of senders) sender.write(begin)
    await flood(senders, repeated(pieces(2), 1_000))
    return { held: [...readers, ...senders] }
  },
}

export const floods: readonly Storm[] = [
  pipes('empty-pings'),
  pipes('pings'),
  introductions('empty-pings'),
  introductions('pings'),
  introductions('pongs'),
  smallPieces,
  piecesInPipes,
]
