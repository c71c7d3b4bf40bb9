import { WebSocket } from 'ws'
import { ClientHost } from './client-host.js'
import { Log } from './log.js'
import { Pipe } from './pipe.js'
import { TestClient, type StartOptions } from './test-client.js'

interface Peer {
  readonly id: string
  get(key: string): WebSocket | undefined
}

interface Client {
  readonly keys: Set<string>
  readonly serverConnection: WebSocket
  join(key: string): void
  leave(key: string): void
  on(event: 'peer', listener: (peer: Peer, key: string) => void): void
}

interface Package {
  readonly Client: new (options: { url: string; id: string }) => Client
}

/** `cevitxe-signal-client` 0.4.2. */
export function startV0({ url, id }: StartOptions): TestClient {
  const host = new ClientHost()
  const pipes = new Log<Pipe>()
  const { Client } = host.load('cevitxe-signal-client') as Package
  const client = new Client({ url, id })
  const seen = new WeakSet<WebSocket>()

  // Each time any socket of a peer opens, this client announces all the keys that it has with that
  // peer: those that are open already, and those that are still opening.
  client.on('peer', (peer, key) => {
    const socket = peer.get(key)
    if (socket?.readyState !== WebSocket.OPEN || seen.has(socket)) return
    seen.add(socket)
    pipes.push(new Pipe(peer.id, key, socket))
  })

  return new TestClient({
    generation: 'v0',
    url,
    id,
    host,
    pipes,
    join: (key) => client.join(key),
    leave: (key) => client.leave(key),
    disconnect: () => {
      for (const key of [...client.keys]) client.leave(key)
      client.serverConnection.close()
    },
  })
}
