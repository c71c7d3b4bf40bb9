import { Client } from '../../../signal-server/test/harness/client.js'
import { ws } from './command.js'

/** Two connections that are joined. */
export async function pair(url: string, options: { ca?: Buffer } = {}): Promise<[Client, Client]> {
  const [a, b] = await Promise.all([
    Client.open(`${ws(url)}/connection/alice/bob/happy-raccoon`, [], options),
    Client.open(`${ws(url)}/connection/bob/alice/happy-raccoon`, [], options),
  ])
  a.send('paired?')
  await b.messages.next('the first message')
  return [a, b]
}

/** Two peers that were introduced. */
export async function introduced(url: string, key = 'happy-raccoon'): Promise<[Client, Client]> {
  const peers = await Promise.all(
    ['alice', 'bob'].map((id) => Client.open(`${ws(url)}/introduction/${id}`, ['signal.v1'])),
  )
  for (const peer of peers) peer.send({ type: 'Join', join: [key] })
  await Promise.all(peers.map((peer) => peer.next('Introduction')))
  return peers as [Client, Client]
}
