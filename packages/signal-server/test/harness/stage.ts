import type { HandshakeFlaws } from 'signal-test-kit'
import type { ClientOptions } from 'ws'
import {
  SignalServer,
  type EndpointContext,
  type SignalServerOptions,
  type Stats,
} from 'signal-server'
import { expect, onTestFinished } from 'vitest'
import { eventually } from './arrivals.js'
import { Bystanders } from './bystanders.js'
import { Client } from './client.js'
import { RawSocket } from './raw-socket.js'

const healthy = 100

/**
 * A server with a pair of bystanders, and what a case needs to trouble it. When the test is over
 * its sockets go, then {@link Stage.expectQuiet} is asked, and then everything ends.
 */
export class Stage {
  readonly #before: Stats
  readonly #monitored: number

  private constructor(
    readonly server: SignalServer,
    readonly port: number,
    /** What the server lends to its endpoints. */
    readonly context: EndpointContext,
    private readonly bystanders: Bystanders,
  ) {
    this.#before = server.stats()
    this.#monitored = context.heartbeat.size
  }

  static async open(options: SignalServerOptions = {}): Promise<Stage> {
    const server = new SignalServer(options)
    let context: EndpointContext | undefined
    server.use((lent) => {
      context = lent
      return probe
    })
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => server.close())
    const bystanders = await Bystanders.meet(`ws://127.0.0.1:${port}`)
    onTestFinished(() => bystanders.leave())
    const stage = new Stage(server, port, context!, bystanders)
    onTestFinished(() => (server.draining ? undefined : stage.expectQuiet()))
    return stage
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** A WebSocket on any path; rejects where it is refused. */
  async client(path: string, protocols?: string[], options?: ClientOptions): Promise<Client> {
    const client = await Client.open(this.ws + path, protocols, options)
    onTestFinished(() => client.ws.terminate())
    return client
  }

  /** An introduction socket that speaks `signal.v1`, past its Welcome. */
  async v1(id: string, ...keys: string[]): Promise<Client> {
    const client = await this.client(`/introduction/${encodeURIComponent(id)}`, ['signal.v1'])
    await client.next('Welcome')
    if (keys.length > 0) client.send({ type: 'Join', join: keys })
    if (keys.length > 0) await client.settled()
    return client
  }

  /** A TCP connection. */
  async raw(): Promise<RawSocket> {
    return this.#ended(await RawSocket.open(this.port))
  }

  /** A TCP connection that was upgraded. */
  async upgraded(path: string, flaws?: HandshakeFlaws): Promise<RawSocket> {
    return this.#ended(await RawSocket.upgrade(this.port, path, flaws))
  }

  /** What happened since the stage was opened. */
  outcomes(): Stats['outcomes'] {
    const now = this.server.stats().outcomes
    const names = Object.keys(now) as (keyof Stats['outcomes'])[]
    return Object.fromEntries(
      names.map((name) => [name, now[name] - this.#before.outcomes[name]]),
    ) as Stats['outcomes']
  }

  /**
   * What must be true after every case, once its own sockets are gone: the server is healthy,
   * remembers nothing of it, and nobody else has lost anything.
   */
  async expectQuiet(): Promise<void> {
    await this.expectHealthy()
    const gauges = ({ sockets, bufferedBytes, endpoints }: Stats) => ({
      sockets,
      bufferedBytes,
      endpoints,
    })
    const now = () => ({ ...gauges(this.server.stats()), monitored: this.context.heartbeat.size })
    const before = { ...gauges(this.#before), monitored: this.#monitored }
    await eventually(
      () => JSON.stringify(now()) === JSON.stringify(before),
      () => `back to ${JSON.stringify(before)}, not ${JSON.stringify(now())}`,
    )
    await this.bystanders.lostNothing()
  }

  /** Sends the bystanders away, where a test waits for the server to be empty. */
  leaveBystanders(): Promise<void> {
    return this.bystanders.leave()
  }

  /** One of twenty answers of `/healthz` comes within 100 ms: the machine may have other work too. */
  async expectHealthy(): Promise<void> {
    let fastest = Infinity
    for (let attempt = 0; attempt < 20 && fastest > healthy; attempt++) {
      const start = performance.now()
      const response = await fetch(`${this.http}/healthz`)
      await response.text()
      expect(response.status).toBe(200)
      fastest = Math.min(fastest, performance.now() - start)
    }
    expect(fastest).toBeLessThan(healthy)
  }

  #ended(raw: RawSocket): RawSocket {
    onTestFinished(() => {
      raw.socket.destroy()
    })
    return raw
  }
}

/** An endpoint that matches no path: it only sees what the server lends to endpoints. */
const probe = {
  name: 'probe',
  match: () => undefined,
  accept: () => {},
  drain: () => Promise.resolve(),
  close: () => {},
  stats: () => ({}),
}
