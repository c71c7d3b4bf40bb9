import { chatty } from './chatty.js'
import { hugeFrame } from './huge-frame.js'
import { introductions } from './introductions.js'
import type { Target } from './load-socket.js'
import { heldBytes, idleMemory, stalledPairs } from './memory.js'
import type { Metrics, Sample } from './metrics.js'
import { pairRate } from './pair-rate.js'
import { roundTrip } from './round-trip.js'
import { stalledReader } from './stalled-reader.js'
import { throughput } from './throughput.js'

/** Every load that the load process can run. */
export const loads = {
  throughput,
  chatty,
  roundTrip,
  introductions,
  stalledReader,
  hugeFrame,
  pairRate,
  idleMemory,
  heldBytes,
  stalledPairs,
}

export type LoadName = keyof typeof loads

/** One run of a load: its name and what it is asked to do. */
export type LoadRequest = {
  [Name in LoadName]: { load: Name; parameters: Parameters<(typeof loads)[Name]>[1] }
}[LoadName]

/** What the load process prints. */
export interface LoadResult {
  metrics?: Metrics
  samples: Sample[]
  failed?: string
}

/** Runs a load. Never rejects: what went wrong is a result, too. */
export async function runLoad(target: Target, request: LoadRequest): Promise<LoadResult> {
  const run = loads[request.load] as (
    target: Target,
    parameters: LoadRequest['parameters'],
    record: (sample: Sample) => void,
  ) => Promise<Metrics>
  const samples: Sample[] = []
  try {
    const metrics = await run(target, request.parameters, (sample) => samples.push(sample))
    return { metrics, samples }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error), samples }
  }
}
