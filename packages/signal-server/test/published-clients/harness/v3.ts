import type { WebSocket } from 'ws'
import { ClientHost } from './client-host.js'
import { Log } from './log.js'
import { Pipe } from './pipe.js'
import { TestClient, type StartOptions } from './test-client.js'

interface Connected {
  readonly userName: string
  readonly documentId: string
  readonly socket: WebSocket
}

interface Client {
  join(documentId: string): void
  leave(documentId: string): void
  disconnectServer(): void
  on(event: 'peer.connect', listener: (connected: Connected) => void): void
}

interface Package {
  readonly Client: new (options: { url: string; userName: string }) => Client
}

/** `@localfirst/relay-client` 3.6.2. */
export function startV3({ url, id }: StartOptions): TestClient {
  const host = new ClientHost()
  const pipes = new Log<Pipe>()
  const { Client } = host.load('@localfirst/relay-client') as Package
  const client = new Client({ url, userName: id })
  client.on('peer.connect', ({ userName, documentId, socket }) =>
    pipes.push(new Pipe(userName, documentId, socket)),
  )
  return new TestClient({
    generation: 'v3',
    url,
    id,
    host,
    pipes,
    join: (key) => client.join(key),
    leave: (key) => client.leave(key),
    disconnect: () => client.disconnectServer(),
  })
}
