import type { WebSocket } from 'ws'
import { ClientHost } from './client-host.js'
import { Log } from './log.js'
import { Pipe } from './pipe.js'
import { TestClient, type StartOptions } from './test-client.js'

interface Connected {
  readonly peerId: string
  readonly documentId: string
  readonly socket: WebSocket
}

interface Client {
  join(documentId: string): void
  leave(documentId: string): void
  disconnectServer(): void
  on(event: 'peer-connect', listener: (connected: Connected) => void): void
}

interface Package {
  readonly Client: new (options: { url: string; peerId: string }) => Client
}

/** The client of `@localfirst/relay` 4.2.2. */
export function startV4({ url, id }: StartOptions): TestClient {
  const host = new ClientHost()
  const pipes = new Log<Pipe>()
  const { Client } = host.load('@localfirst/relay/Client.js') as Package
  const client = new Client({ url, peerId: id })
  client.on('peer-connect', ({ peerId, documentId, socket }) =>
    pipes.push(new Pipe(peerId, documentId, socket)),
  )
  return new TestClient({
    generation: 'v4',
    url,
    id,
    host,
    pipes,
    join: (key) => client.join(key),
    leave: (key) => client.leave(key),
    disconnect: () => client.disconnectServer(),
  })
}
