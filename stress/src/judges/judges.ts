import type { BystanderProcess } from '../bystanders/bystander-process.js'
import type { Welcome } from '../bystanders/newcomers.js'
import { memoryOf } from '../server/memory.js'
import type { Report, ServerProcess } from '../server/server-process.js'
import { objections, type Observation } from './objections.js'

/** The four judges of a campaign: event loops, memory, bystanders, newcomers. */
export class Judges {
  /** The longest of what was seen and found bearable. */
  readonly worst = { turn: 0, wait: 0 }

  private constructor(
    private readonly servers: readonly ServerProcess[],
    private readonly bystanders: BystanderProcess,
    private idle: Observation,
    private readonly welcomes: Readonly<Record<string, Welcome>>,
  ) {}

  /**
   * Watches the idle server for a while first: what follows is compared with that.
   * @param servers - one, or the instances that are joined
   */
  static async seated(
    servers: readonly ServerProcess[],
    bystanders: BystanderProcess,
  ): Promise<Judges> {
    // code that has never run is slow
    await bystanders.newcomers()
    await look(servers, bystanders)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const welcomes = await bystanders.newcomers()
    for (const [name, { refused }] of Object.entries(welcomes)) {
      if (refused !== undefined) throw new Error(`At an idle server, ${name}: ${refused}`)
    }
    return new Judges(servers, bystanders, await look(servers, bystanders), welcomes)
  }

  /** Forgets what has been until now; memory is compared with that of this moment. */
  async rest(): Promise<void> {
    const { rss } = await look(this.servers, this.bystanders)
    this.idle = { ...this.idle, rss: Math.max(rss, this.idle.rss) }
  }

  /**
   * What was wrong since they looked last, each in a sentence that begins with the judge.
   * @param greet - whether newcomers are sent to each endpoint
   */
  async verdict(greet: boolean): Promise<string[]> {
    const welcomes = greet ? await this.bystanders.newcomers() : {}
    const seen = await look(this.servers, this.bystanders)
    this.worst.turn = Math.max(this.worst.turn, seen.turn)
    this.worst.wait = Math.max(this.worst.wait, seen.wait)
    return objections(this.idle, seen, this.welcomes, welcomes)
  }
}

/** Looks at the servers and their bystanders, and begins afresh. */
async function look(
  servers: readonly ServerProcess[],
  bystanders: BystanderProcess,
): Promise<Observation> {
  const faults = servers.flatMap((server) => server.faults.splice(0))
  if (!servers.every(({ alive }) => alive)) throw new Error(faults.join('\n'))
  const reports = await Promise.all(servers.map((server) => server.report()))
  const heard = await bystanders.waits()
  const [waitedAt, wait] = Object.entries(heard.waits).reduce(
    (longest, entry) => (entry[1] > longest[1] ? entry : longest),
    ['no endpoint', 0],
  )
  const turn = Math.max(...reports.map((report) => report.turn))
  const counted = sum(reports.map(({ stats }) => countedBytes(stats)))
  const rss = sum(servers.map(({ pid }) => memoryOf(pid)?.now ?? 0))
  return { turn, wait, waitedAt, rss, counted, faults: [...faults, ...heard.faults] }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

// What a socket and a registered key cost, about, in bytes: they are counted, and not by their bytes.
const socketCost = 16 * 1_024
const keyCost = 400

/** What the server says that it keeps for its clients, in bytes. */
function countedBytes({ sockets, bufferedBytes, endpoints }: Report['stats']): number {
  const keys = endpoints['introduction']?.['keys'] ?? 0
  return bufferedBytes + sockets * socketCost + keys * keyCost
}
