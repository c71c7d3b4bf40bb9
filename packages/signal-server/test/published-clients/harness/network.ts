import { SignalServer, type SignalServerOptions } from 'signal-server'
import { startSignalV1, type SignalV1Client } from './signal-v1.js'
import type { Generation, StartOptions, TestClient } from './test-client.js'
import { startV0 } from './v0.js'
import { startV3 } from './v3.js'
import { startV4 } from './v4.js'

const starters: Record<Generation, (options: StartOptions) => TestClient> = {
  v0: startV0,
  v3: startV3,
  v4: startV4,
  'signal.v1': startSignalV1,
}

/** One server with the clients of a test, and whatever those clients threw. */
export class Network {
  readonly #clients: TestClient[] = []
  readonly #thrown: unknown[] = []
  readonly #options: SignalServerOptions
  #server: SignalServer
  #port = 0

  private constructor(options: SignalServerOptions) {
    this.#options = options
    this.#server = new SignalServer(options)
  }

  static async open(options: SignalServerOptions = {}): Promise<Network> {
    const network = new Network(options)
    process.on('uncaughtException', network.#onThrown)
    process.on('unhandledRejection', network.#onThrown)
    await network.#listen()
    return network
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  /** Starts a client; the keys given are joined at once, before its socket is open. */
  start(generation: 'signal.v1', id: string, ...keys: string[]): SignalV1Client
  start(generation: Generation, id: string, ...keys: string[]): TestClient
  start(generation: Generation, id: string, ...keys: string[]): TestClient {
    const client = starters[generation]({ url: this.url, id })
    for (const key of keys) client.join(key)
    this.#clients.push(client)
    return client
  }

  /** Stops the server, waits for `whileDown`, and starts another on the same port. */
  async restartServer(whileDown: () => Promise<unknown> = async () => {}): Promise<void> {
    await this.#server.close()
    await whileDown()
    this.#server = new SignalServer(this.#options)
    await this.#listen()
  }

  /** Ends everything; throws what the clients threw. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.kill()
    await this.#server.close()
    process.off('uncaughtException', this.#onThrown)
    process.off('unhandledRejection', this.#onThrown)
    if (this.#thrown.length > 0) {
      throw new AggregateError(
        this.#thrown,
        `clients threw: ${this.#thrown.map(String).join('; ')}`,
      )
    }
  }

  async #listen(): Promise<void> {
    const { port } = await this.#server.listen({ port: this.#port, host: '127.0.0.1' })
    this.#port = port
  }

  readonly #onThrown = (error: unknown) => {
    this.#thrown.push(error)
  }
}
