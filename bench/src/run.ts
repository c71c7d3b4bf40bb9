import { fileURLToPath } from 'node:url'
import type { BenchCase, Run } from './cases/bench-case.js'
import { anyCore, Child } from './child.js'
import type { Contestant } from './contestants/contestants.js'
import type { Ready } from './contestants/serve.js'
import { freePort } from './ports.js'
import type { Target } from './load/load-socket.js'
import type { LoadResult } from './load/loads.js'
import type { Metrics, Sample } from './load/metrics.js'
import { median } from './statistics.js'
import type { Certificate } from './certificate.js'

const compiled = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A server may use core 0, its load core 1, and neither the other's; several may use any. */
const apart = { server: '0', load: '1' }
const together = { server: anyCore, load: anyCore }

/** A run that takes longer than this isn't repeated, in seconds. */
const slow = 4

/** Starts a server and a load, and gives back what the load measured. */
async function runOnce(
  contestant: Contestant,
  run: Run,
  certificate: Certificate,
  cores: typeof apart,
): Promise<LoadResult> {
  const tls = run.needs.includes('tls')
  const backendPort = await freePort()
  const { name, file = name, args = [] } = contestant
  const script = [
    '--expose-gc',
    // what the command is started with (ARCHITECTURE.md, Decisions); for all alike
    '--initial-old-space-size=256',
    compiled(`./contestants/${file}.js`),
    ...['--backend-port', String(backendPort)],
    ...(tls ? ['--key', certificate.key, '--cert', certificate.cert] : []),
    ...args,
  ]
  const server = new Child(script, cores.server)
  let load: Child | undefined
  try {
    const started = await server.answer<Ready>(10)
    const { farPort = started.port } = started
    const target: Target = { ...started, farPort, wire: contestant.wire, tls, backendPort }
    const request = JSON.stringify({ target, request: run.request })
    load = new Child([compiled('./load/main.js'), request], cores.load)
    const result = await load.answer<LoadResult>(150)
    // Its sockets may close a moment before the process is gone.
    if (result.failed !== undefined) await new Promise((resolve) => setTimeout(resolve, 300))
    return server.died === undefined ? result : { ...result, failed: server.died }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error), samples: [] }
  } finally {
    await load?.end()
    await server.end()
  }
}

/** What one contestant showed in one case. */
export interface Result {
  contestant: string
  /** Medians over the rounds, by `prefix.metric`. */
  metrics: Metrics
  /** Why a run failed, by prefix. */
  failures: Record<string, string>
  /** Memory over time, of the last round. */
  samples: Sample[]
}

const named = (run: Run, metric: string) =>
  run.prefix === undefined ? metric : `${run.prefix}.${metric}`

/** Runs a case: in every round each contestant in turn, so that all see the same machine. */
export async function runCase(
  benchCase: BenchCase,
  contestants: readonly Contestant[],
  rounds: number,
  certificate: Certificate,
  progress: (text: string) => void,
): Promise<Result[]> {
  const gathered = contestants.map(() => new Map<string, number[]>())
  const results = contestants.map(({ name }): Result => ({
    contestant: name,
    metrics: {},
    failures: {},
    samples: [],
  }))
  const finished = new Set<string>()
  const last = benchCase.once === true ? 1 : rounds
  for (let round = 1; round <= last; round++) {
    for (const run of benchCase.runs) {
      for (const [index, contestant] of contestants.entries()) {
        const key = `${contestant.name} ${run.prefix ?? ''}`
        const able = run.needs.every((need) => contestant.abilities.includes(need))
        if (!able || contestant.missing !== undefined || finished.has(key)) continue
        progress(`${benchCase.name}: round ${round} of ${last}, ${key}`)
        const began = performance.now()
        const cores = benchCase.together === true ? together : apart
        const { metrics, failed, samples } = await runOnce(contestant, run, certificate, cores)
        if (failed !== undefined || performance.now() - began > slow * 1000) finished.add(key)
        const result = results[index]!
        if (failed !== undefined) result.failures[run.prefix ?? ''] = failed
        if (samples.length > 0) result.samples = samples
        for (const [metric, value] of Object.entries(metrics ?? {})) {
          const values = gathered[index]!
          values.set(named(run, metric), [...(values.get(named(run, metric)) ?? []), value])
        }
      }
    }
  }
  return results.map((result, index) => {
    const metrics = Object.fromEntries(
      [...gathered[index]!].map(([name, values]) => [name, median(values)]),
    )
    return { ...result, metrics: { ...metrics, ...benchCase.derive?.(metrics) } }
  })
}
