import { onTestFinished } from 'vitest'
import { Client, type Fields } from '../../../signal-server/test/harness/client.js'
import type { Instance } from './instance.js'

/** A peer that has joined its keys; gone after the test. */
export async function peer({ ws }: Instance, id: string, ...keys: string[]): Promise<Client> {
  const client = await Client.open(`${ws}/introduction/${id}`, ['signal.v1'])
  onTestFinished(() => client.ws.terminate())
  client.send({ type: 'Join', join: keys })
  await client.settled()
  return client
}

/** The messages of a type that a client has got so far. */
export const got = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((m) => m.type === type)

/** Asks whether a client has got messages of a type about a peer. */
export const told =
  (client: Client, type: string, id: string, times = 1) =>
  () =>
    got(client, type).filter((message) => message.id === id).length >= times
