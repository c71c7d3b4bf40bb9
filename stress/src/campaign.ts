import { BystanderProcess } from './bystanders/bystander-process.js'
import type { Checkout } from './checkout.js'
import { fuzzCase } from './fuzz-case.js'
import { Random } from './random.js'
import { Judges } from './judges/judges.js'
import { quiet } from './quiet.js'
import { tokenOf } from './token.js'
import { startRedis, type RedisProcess } from './server/redis.js'
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

/** One of the servers at which a campaign throws cases and storms. */
interface Place {
  readonly server: ServerProcess
  /** Where attackers connect to. */
  readonly target: Target
  /** What the server has when only bystanders are there. */
  idle: { handles: number; sockets: number }
}

/** Servers with bystanders and judges, at which cases and storms are thrown. */
export class Campaign {
  private constructor(
    private readonly places: readonly Place[],
    private readonly redis: RedisProcess | undefined,
    readonly judges: Judges,
    private readonly bystanders: BystanderProcess,
  ) {}

  /** @param instances - how many; several are joined by a Redis */
  static async start(checkout: Checkout, instances = 1): Promise<Campaign> {
    const redis = instances > 1 ? await startRedis() : undefined
    const token = await tokenOf()
    const places: Place[] = []
    for (let i = 0; i < instances; i++) {
      const server = await ServerProcess.start(options, checkout, { redisUrl: redis?.url })
      const { handles } = await server.report()
      const target = { port: server.port, token, headers: {}, checkout }
      places.push({ server, target, idle: { handles, sockets: 0 } })
    }
    const ends = [places[0]!.target, places.at(-1)!.target] as const
    const bystanders = await BystanderProcess.start(ends)
    const servers = places.map(({ server }) => server)
    const judges = await Judges.seated(servers, bystanders)
    for (const { server, idle } of places) idle.sockets = (await server.report()).stats.sockets
    return new Campaign(places, redis, judges, bystanders)
  }

  /** What the servers have told and nobody has looked at. */
  get faults(): readonly string[] {
    return this.places.flatMap(({ server }) => server.faults)
  }

  /** Throws some random cases. @returns what went wrong */
  async cases(seed: number, first: number, end: number): Promise<string[]> {
    // what a storm has made V8 reserve is not given back at once
    await this.judges.rest()
    let next = first
    const one = async () => {
      while (next < end) {
        const number = next++
        await fuzzCase(this.#attacked(number), seed, number)
      }
    }
    await Promise.all(Array.from({ length: together }, one))
    return this.judges.verdict(false)
  }

  /** Lets one storm loose. @returns what went wrong */
  async storm(storm: Storm, seed: number, size: number): Promise<string[]> {
    await this.judges.rest()
    const { held = [], faults = [] } = await storm.run(this.#attacked(seed), new Random(seed), size)
    const verdict = await this.judges.verdict(true)
    for (const one of held) void one.close()
    const until = Date.now() + goneTime
    while (Date.now() < until && !(await this.#forgotten())) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return [...faults, ...verdict]
  }

  /** @throws Error with what is left when everybody has gone */
  async end(): Promise<void> {
    await this.bystanders.stop()
    for (const { server, idle } of this.places) await quiet(server, idle.handles)
    await this.abandon()
  }

  /** Ends it at once. */
  async abandon(): Promise<void> {
    await this.bystanders.stop()
    await Promise.all(this.places.map(({ server }) => server.stop()))
    await this.redis?.stop()
  }

  /** Attackers all come from one address. */
  #attacked(number: number): Target {
    return from(this.places[number % this.places.length]!.target, '203.0.113.1')
  }

  async #forgotten(): Promise<boolean> {
    for (const { server, idle } of this.places) {
      if ((await server.report()).stats.sockets > idle.sockets) return false
    }
    return true
  }
}
