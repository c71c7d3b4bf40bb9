import { BystanderProcess, type Waits } from '../bystanders/bystander-process.js'
import type { Welcome } from '../bystanders/newcomers.js'
import type { Checkout } from '../checkout.js'
import { Random } from '../random.js'
import { memoryOf } from '../server/memory.js'
import { ServerProcess } from '../server/server-process.js'
import { storms } from '../storms/all-storms.js'
import { from, type Target } from '../target.js'
import { tokenOf } from '../token.js'

/** What one storm did to a fresh server and to those who had nothing to do with it. */
export interface Measured {
  /** The longest that a bystander waited, in ms. */
  wait: number
  /** The most resident memory, in bytes. */
  peak: number
  /** Resident memory while the clients are still there, after a collection, in bytes. */
  held: number
  welcomes: Record<string, Welcome>
  faults: readonly string[]
}

/** How a server is measured. */
export interface Circumstances {
  checkout: Checkout
  /** Whether the server is told the addresses of clients by a proxy that it trusts. */
  addresses: boolean
  options?: Parameters<typeof ServerProcess.start>[0]
}

/** Lets one storm loose at a fresh server with bystanders. */
export async function measure(
  name: string,
  { checkout, addresses, options }: Circumstances,
): Promise<Measured> {
  const storm = storms.find((one) => one.name === name)
  if (!storm) throw new Error(`There is no storm "${name}".`)
  const server = await ServerProcess.start({ ...options, trustProxy: addresses }, checkout)
  let bystanders: BystanderProcess | undefined
  try {
    const token = await tokenOf()
    const target: Target = { port: server.port, token, headers: {}, checkout }
    bystanders = await BystanderProcess.start([target, target], addresses)
    // code that has never run is slow
    await bystanders.newcomers()
    await bystanders.waits()
    const attackers = addresses ? from(target, '203.0.113.1') : target
    const { held = [], faults = [] } = await storm.run(attackers, new Random(1), 1)
    const { peak = NaN } = memoryOf(server.pid) ?? {}
    const { waits, faults: noticed } = await waitsOf(bystanders, server.port)
    const welcomes = await bystanders.newcomers()
    const report = await server.report()
    for (const one of held) void one.close()
    const wait = Math.max(0, ...Object.values(waits))
    const all = [...faults, ...noticed, ...server.faults]
    return { wait, peak, held: memoryOf(server.pid)?.now ?? report.rss, welcomes, faults: all }
  } finally {
    await bystanders?.stop()
    await server.stop()
  }
}

/** What they have waited for until the server answers again. */
async function waitsOf(bystanders: BystanderProcess, port: number): Promise<Waits> {
  const signal = AbortSignal.timeout(60_000)
  await fetch(`http://127.0.0.1:${port}/healthz`, { signal }).catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 200))
  return bystanders.waits()
}
