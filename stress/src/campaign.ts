import { BystanderProcess } from './bystanders/bystander-process.js'
import type { Checkout } from './checkout.js'
import { fuzzCase } from './fuzz-case.js'
import { Random } from './random.js'
import { Judges } from './judges/judges.js'
import { quiet } from './quiet.js'
import { tokenOf } from './token.js'
import { ServerProcess } from './server/server-process.js'
import { hoardedSockets } from './storms/hoards.js'
import type { Storm } from './storms/storm.js'
import { from, type Target } from './target.js'

/** Short times, so that clients that are gone are forgotten between two storms. */
const options = {
  // longer than a storm takes on a slow machine
  holdTimeout: 60_000,
  // long enough that the holder of a name is not found dead before its owner comes back
  pingInterval: 8_000,
  pongTimeout: 2_000,
  maxSockets: hoardedSockets,
  // as behind a proxy that tells the addresses of clients
  trustProxy: true,
}
const together = 60
/** How long the clients of a storm may take to be forgotten. */
const goneTime = 5_000

/** A server with bystanders and judges, at which cases and storms are thrown. */
export class Campaign {
  private constructor(
    readonly server: ServerProcess,
    readonly judges: Judges,
    private readonly bystanders: BystanderProcess,
    private readonly target: Target,
    private readonly idle: { handles: number; sockets: number },
  ) {}

  static async start(checkout: Checkout): Promise<Campaign> {
    const server = await ServerProcess.start(options, checkout)
    const { handles } = await server.report()
    const token = await tokenOf()
    const target = { port: server.port, token, headers: {}, checkout }
    const bystanders = await BystanderProcess.start(target)
    const judges = await Judges.seated(server, bystanders)
    const { stats } = await server.report()
    // they all come from one address
    const attackers = from(target, '203.0.113.1')
    const idle = { handles, sockets: stats.sockets }
    return new Campaign(server, judges, bystanders, attackers, idle)
  }

  /** Throws some random cases. @returns what went wrong */
  async cases(seed: number, first: number, end: number): Promise<string[]> {
    // what a storm has made V8 reserve is not given back at once
    await this.judges.rest()
    let next = first
    const one = async () => {
      while (next < end) await fuzzCase(this.target, seed, next++)
    }
    await Promise.all(Array.from({ length: together }, one))
    return this.judges.verdict(false)
  }

  /** Lets one storm loose. @returns what went wrong */
  async storm(storm: Storm, seed: number, size: number): Promise<string[]> {
    await this.judges.rest()
    const { held = [], faults = [] } = await storm.run(this.target, new Random(seed), size)
    const verdict = await this.judges.verdict(true)
    for (const one of held) void one.close()
    const until = Date.now() + goneTime
    while (Date.now() < until && (await this.server.report()).stats.sockets > this.idle.sockets) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return [...faults, ...verdict]
  }

  /** @throws Error with what is left when everybody has gone */
  async end(): Promise<void> {
    await this.bystanders.stop()
    await quiet(this.server, this.idle.handles)
    await this.server.stop()
  }

  /** Ends it at once. */
  async abandon(): Promise<void> {
    await this.bystanders.stop()
    await this.server.stop()
  }
}
