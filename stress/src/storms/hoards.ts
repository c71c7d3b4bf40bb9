import { clientFrame, opcodes } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { pause, type Storm } from './storm.js'

// One address that uses up a limit, and keeps it.

/** Connections that wait, each with as many bytes as a hold may have. */
const holds: Storm = {
  name: 'hoard-holds',
  row: 51,
  async run(target, _random, size) {
    const message = clientFrame(opcodes.binary, Buffer.alloc(250_000))
    const clients = await crowd(300 * size, async (i) => {
      const client = await RawClient.open(target, `/connection/holder-${i}/nobody/k`)
      client.write(message)
      return client
    })
    await pause(1_000)
    return { held: clients }
  },
}

/** Sessions with as many keys as one may have. */
const registrations: Storm = {
  name: 'hoard-registrations',
  row: 51,
  async run(target, _random, size) {
    const clients = await crowd(520 * size, async (i) => {
      const client = await RawClient.open(target, `/introduction/hoarder-${i}`, { v1: true })
      const keys = Array.from({ length: 1_000 }, (_, key) => `${i} ${key}`)
      // the last ones take the rest, key by key
      const joins = i < 495 ? [keys] : keys.map((key) => [key])
      for (const join of joins) client.json({ type: 'Join', join })
      return client
    })
    await pause(3_000)
    return { held: clients }
  },
}

/** Seats of an endpoint that has a limit of its own. */
const seats = (name: string, path: string, hello?: (i: number) => object): Storm => ({
  name: `hoard-seats-${name}`,
  row: 51,
  async run(target, _random, size) {
    const clients = await crowd(1_000 * size, async (i) => {
      const client = await RawClient.open(target, path)
      if (hello) client.json(hello(i))
      return client
    })
    await pause(500)
    return { held: clients }
  },
})

/** Sockets of any kind; the server of a campaign allows fewer than one of operators. */
export const hoardedSockets = 2_000
const sockets: Storm = {
  name: 'hoard-sockets',
  row: 51,
  async run(target, random, size) {
    const clients = await crowd(hoardedSockets * size, (i) =>
      RawClient.open(
        target,
        random.pick([`/introduction/h-${i}`, `/connection/h-${i}/nobody/k`, '/relay-ws']),
      ),
    )
    await pause(500)
    return { held: clients }
  },
}

export const hoards: readonly Storm[] = [
  holds,
  registrations,
  seats('rtc', '/rtc', (i) => ({ type: 'identify', data: { id: `seat-${i}`, name: '' } })),
  seats('relay-ws', '/relay-ws'),
  seats('call', '/call', (i) => ({ id: 'register', name: `seat-${i}` })),
  sockets,
]
