import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { Tunnel, type Condition } from './tunnel.js'

/** Where a {@link FaultyProxy} leads. */
export interface FaultyProxyTarget {
  port: number
  /** @default '127.0.0.1' */
  host?: string
}

/**
 * A TCP proxy for tests, with the faults of real networks: stand it between a client and its
 * server, and see whether they come through.
 *
 * ```ts
 * const proxy = await FaultyProxy.open({ port })
 * const client = new Client({ url: `ws://127.0.0.1:${proxy.port}` })
 * proxy.cut()
 * ```
 */
export class FaultyProxy {
  readonly #server: Server
  readonly #tunnels = new Set<Tunnel>()
  readonly #condition: Condition = { stalled: false, delay: 0 }

  private constructor({ port, host = '127.0.0.1' }: FaultyProxyTarget) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connect({ port, host, allowHalfOpen: true, noDelay: true })
      const tunnel = new Tunnel(near, far, this.#condition)
      this.#tunnels.add(tunnel)
      near.once('close', () => this.#tunnels.delete(tunnel))
    })
  }

  /** Listens on a free port of the loopback interface. */
  static async open(target: FaultyProxyTarget): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#tunnels.size
  }

  /** Nothing passes any more, in either direction, on old connections and new ones. */
  stall(): void {
    this.#condition.stalled = true
    for (const tunnel of this.#tunnels) tunnel.look()
  }

  /** What was stalled passes, with nothing lost. */
  resume(): void {
    this.#condition.stalled = false
    for (const tunnel of this.#tunnels) tunnel.look()
  }

  /** Whatever comes from now on is passed on so many milliseconds later. */
  delay(milliseconds: number): void {
    this.#condition.delay = milliseconds
  }

  /** Ends every connection with a reset, on both sides. */
  reset(): void {
    for (const tunnel of this.#tunnels) tunnel.reset()
  }

  /**
   * Every connection goes mute for ever: what either side sends vanishes, and neither hears of an
   * end, as after a change of networks or the sleep of a laptop. New connections pass.
   */
  cut(): void {
    for (const tunnel of this.#tunnels) tunnel.cut()
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const tunnel of this.#tunnels) tunnel.reset()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
