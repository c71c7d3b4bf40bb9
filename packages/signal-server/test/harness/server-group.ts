import { SignalServer, type Bus, type SignalServerOptions } from 'signal-server'
import type { HandshakeFlaws } from 'signal-test-kit'
import { expect, onTestFinished } from 'vitest'
import { eventually } from './arrivals.js'
import { Bystanders } from './bystanders.js'
import { Client } from './client.js'
import { RawSocket } from './raw-socket.js'
import { TestBus, type Member } from './test-bus.js'

/** One of the servers that a bus joins. */
interface GroupServer {
  server: SignalServer
  port: number
  ws: string
}

/** Several servers that a bus joins, each with a pair of bystanders; gone after the test. */
export class ServerGroup<B extends Bus = Member> {
  private constructor(
    readonly members: readonly GroupServer[],
    readonly buses: readonly B[],
    private readonly bystanders: readonly Bystanders[],
  ) {}

  static async start(
    count: number,
    options: SignalServerOptions = {},
    bus = new TestBus(),
  ): Promise<ServerGroup & { bus: TestBus }> {
    const buses = Array.from({ length: count }, () => bus.member())
    return Object.assign(await ServerGroup.on(buses, options), { bus })
  }

  /** @param buses - one for each server; all may be the same */
  static async on<B extends Bus>(
    buses: readonly B[],
    options: SignalServerOptions = {},
  ): Promise<ServerGroup<B>> {
    const members = await Promise.all(
      buses.map(async (bus) => {
        const server = new SignalServer({ ...options, bus })
        const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
        onTestFinished(() => server.close())
        return { server, port, ws: `ws://127.0.0.1:${port}` }
      }),
    )
    const bystanders = await Promise.all(
      members.map(async ({ ws }, number) => {
        const pair = await Bystanders.meet(ws, `-${number}`)
        onTestFinished(() => pair.leave())
        return pair
      }),
    )
    return new ServerGroup(members, buses, bystanders)
  }

  /** A WebSocket on one of the servers. */
  async client(member: number, path: string, protocols?: string[]): Promise<Client> {
    const client = await Client.open(this.members[member]!.ws + path, protocols)
    onTestFinished(() => client.ws.terminate())
    return client
  }

  /** An introduction socket that speaks `signal.v1`, past its Welcome, with its keys joined. */
  async v1(member: number, id: string, ...keys: string[]): Promise<Client> {
    const client = await this.client(member, `/introduction/${encodeURIComponent(id)}`, [
      'signal.v1',
    ])
    await client.next('Welcome')
    if (keys.length > 0) client.send({ type: 'Join', join: keys })
    if (keys.length > 0) await client.settled()
    return client
  }

  /** Two sockets on `/connection` for each other, on two of the servers, that are paired. */
  async pair(
    members: readonly [number, number],
    key = 'happy-raccoon',
    ids: readonly [string, string] = ['alice', 'bob'],
    protocols?: string[],
  ): Promise<[Client, Client]> {
    const [a, b] = ids.map(encodeURIComponent)
    const before = this.gauge('pipes')
    const first = await this.client(members[0], `/connection/${a}/${b}/${key}`, protocols)
    const second = await this.client(members[1], `/connection/${b}/${a}/${key}`, protocols)
    const paired = () => members.every((member) => this.gauge('pipes')[member]! > before[member]!)
    await eventually(paired, 'a pair')
    return [first, second]
  }

  /** A TCP connection that was upgraded. */
  async upgraded(member: number, path: string, flaws?: HandshakeFlaws): Promise<RawSocket> {
    const raw = await RawSocket.upgrade(this.members[member]!.port, path, flaws)
    onTestFinished(() => {
      raw.socket.destroy()
    })
    return raw
  }

  /** A gauge of `/connection`, of each server. */
  gauge(name: string): number[] {
    return this.members.map(({ server }) => server.stats().endpoints['connection']![name]!)
  }

  /**
   * What must be true after every case, once its own sockets are gone: the servers remember nothing
   * of it, and nobody else has lost anything.
   */
  async expectQuiet(): Promise<void> {
    // of the bystanders
    const quiet = {
      sockets: 4,
      bufferedBytes: 0,
      waiting: 0,
      pipes: 1,
      remotePipes: 0,
      sessions: 2,
    }
    for (const { server } of this.members) {
      const now = () => {
        const { sockets, bufferedBytes, endpoints } = server.stats()
        const { waiting, pipes, remotePipes } = endpoints['connection']!
        const { sessions } = endpoints['introduction']!
        return { sockets, bufferedBytes, waiting, pipes, remotePipes, sessions }
      }
      await eventually(
        () => JSON.stringify(now()) === JSON.stringify(quiet),
        () => `${JSON.stringify(quiet)}, not ${JSON.stringify(now())}`,
      )
    }
    for (const pair of this.bystanders) await pair.lostNothing()
    for (const { port } of this.members) {
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    }
  }
}
