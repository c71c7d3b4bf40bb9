import { Client, type ClientOptions, type PipeMessageEvent, type PipeSocket } from 'signal-client'
import { SignalServer, type SignalServerOptions } from 'signal-server'
import { FaultyProxy } from 'signal-server/testing'
import { expect, onTestFinished } from 'vitest'
import { Arrivals, listen, type Told } from './events.js'

/** A client with all that it tells. */
export interface Actor {
  client: Client
  told: Told
}

/** A server with clients; a test's end is theirs. */
export class Stage {
  #server: SignalServer
  #port = 0

  private constructor(private readonly options: SignalServerOptions) {
    this.#server = new SignalServer(options)
  }

  static async open(options: SignalServerOptions = {}): Promise<Stage> {
    const stage = new Stage(options)
    await stage.start()
    onTestFinished(() => stage.stop())
    return stage
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  get server(): SignalServer {
    return this.#server
  }

  /** Ends the server without a word to anybody. */
  stop(): Promise<void> {
    return this.#server.close()
  }

  /** Starts a server where the last one was. */
  async start(): Promise<void> {
    this.#server = new SignalServer(this.options)
    const { port } = await this.#server.listen({ port: this.#port, host: '127.0.0.1' })
    this.#port = port
  }

  /** A client, to all of whose events the test listens. */
  client(id: string, options: Partial<ClientOptions> = {}): Actor {
    return clientOf(this.url, id, options)
  }

  /** A faulty network in front of the server. */
  async proxy(): Promise<FaultyProxy> {
    const proxy = await FaultyProxy.open({ port: this.#port })
    onTestFinished(() => proxy.close())
    return proxy
  }

  /** Two clients with a pipe on `k`. */
  async pair(options: Partial<ClientOptions> = {}): Promise<[Ended, Ended]> {
    const alice = this.client('alice', options)
    const bob = this.client('bob')
    return Promise.all([ended(alice), ended(bob)])
  }
}

/** A client of any server, to all of whose events the test listens; gone after the test. */
export function clientOf(url: string, id: string, options: Partial<ClientOptions> = {}): Actor {
  const client = new Client({ url, id, keys: ['k'], ...options })
  onTestFinished(() => client.close())
  return { client, told: listen(client) }
}

/** An actor with its end of a pipe. */
export interface Ended extends Actor {
  socket: PipeSocket
  received: Arrivals<string | ArrayBuffer | Blob>
}

/** Waits for an actor's next pipe. */
export async function ended(actor: Actor): Promise<Ended> {
  const [, , socket] = await actor.told.peer.next(`a peer for ${actor.client.id}`)
  return { ...actor, socket, received: receive(socket) }
}

/** What comes through a pipe. */
export function receive(socket: PipeSocket): Arrivals<string | ArrayBuffer | Blob> {
  const received = new Arrivals<string | ArrayBuffer | Blob>()
  socket.addEventListener('message', ({ data }: PipeMessageEvent) => received.push(data))
  return received
}

/** Sends something through a pipe both ways, and waits until it is there. */
export async function talk(a: Ended, b: Ended): Promise<void> {
  a.socket.send('to and')
  b.socket.send('fro')
  const [atB, atA] = await Promise.all([b.received.next('at b'), a.received.next('at a')])
  expect([atB, atA]).toEqual(['to and', 'fro'])
}
