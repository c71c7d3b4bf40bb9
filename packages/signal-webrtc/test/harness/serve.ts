import {
  SignalServer,
  type EndpointFactory,
  type SignalServerOptions,
  type Stats,
} from 'signal-server'
import { onTestFinished } from 'vitest'
import type { ClientOptions } from 'ws'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'
import { Client } from '../../../signal-server/test/harness/client.js'

/** A server with endpoints of this package, gone after the test. */
export class Served {
  private constructor(
    readonly server: SignalServer,
    readonly port: number,
  ) {}

  static async start(
    endpoints: EndpointFactory | readonly EndpointFactory[],
    options: SignalServerOptions = {},
  ): Promise<Served> {
    const server = new SignalServer(options)
    for (const endpoint of [endpoints].flat()) server.use(endpoint)
    const faults: Error[] = []
    server.on('fault', (error) => faults.push(error))
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(async () => {
      await server.close()
      if (faults.length > 0) throw faults[0]!
    })
    return new Served(server, port)
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** A WebSocket on any path, gone after the test; rejects where it is refused. */
  async client(path: string, protocols?: string[], options?: ClientOptions): Promise<Client> {
    const client = await Client.open(this.ws + path, protocols, options)
    onTestFinished(() => client.ws.terminate())
    return client
  }

  stats(endpoint: string): Record<string, number> {
    return this.server.stats().endpoints[endpoint]!
  }

  outcomes(): Stats['outcomes'] {
    return this.server.stats().outcomes
  }

  /** Resolves when nobody is left and nothing of anybody is kept. */
  async empty(): Promise<void> {
    await eventually(
      () => {
        const { sockets, bufferedBytes, endpoints } = this.server.stats()
        const gauges = Object.values(endpoints).flatMap((gauges) => Object.values(gauges))
        return sockets + bufferedBytes === 0 && gauges.every((gauge) => gauge === 0)
      },
      () => `nothing left, but there is ${JSON.stringify(this.server.stats())}`,
    )
  }
}
