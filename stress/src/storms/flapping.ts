import type * as client from 'signal-client'
import { WebSocket } from 'ws'
import { RawClient } from '../clients/raw-client.js'
import { pause, type Storm } from './storm.js'

/** What honest clients had to do because of a peer that comes and goes. */
export interface Dials {
  clients: number
  seconds: number
  /** Connections to the flapping peer that were tried, by all of them. */
  dials: number
}

interface Closable {
  close(): Promise<unknown>
}

/**
 * One socket joins and leaves a key as fast as it may, and honest clients want that key too.
 *
 * @param count - honest clients, of the checkout's own `signal-client`
 */
export async function flap(
  target: Parameters<Storm['run']>[0],
  count: number,
  seconds: number,
): Promise<Dials> {
  const { Client } = (await import(target.checkout.client)) as typeof client
  let dials = 0
  class Counting extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { headers: { ...target.headers } })
      if (url.includes('/flapper/')) dials++
    }
  }
  const clients: Closable[] = Array.from({ length: count }, () => {
    const options = { url: `ws://127.0.0.1:${target.port}`, keys: ['flap'], WebSocket: Counting }
    const client = new Client(options)
    client.on('error', () => {})
    return client
  })
  // they have found each other before the other one comes
  await pause(1_000)
  const flapper = await RawClient.open(target, '/introduction/flapper')
  const until = Date.now() + seconds * 1_000
  while (Date.now() < until && flapper.open) {
    flapper.json({ join: ['flap'] })
    await pause(10)
    flapper.json({ leave: ['flap'] })
    await pause(10)
  }
  const counted = dials
  flapper.close()
  await Promise.all(clients.map((client) => client.close()))
  return { clients: count, seconds, dials: counted }
}

const mostDialsPerSecond = 2

export const flapping: Storm = {
  name: 'flapping',
  row: 53,
  async run(target) {
    const { clients, seconds, dials } = await flap(target, 5, 8)
    const rate = dials / clients / seconds
    if (rate < mostDialsPerSecond) return {}
    return { faults: [`Flapping: each honest client dialled ${rate.toFixed(1)} times a second.`] }
  },
}
