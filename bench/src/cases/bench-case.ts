import type { Ability, Contestant } from '../contestants/contestants.js'
import type { LoadRequest } from '../load/loads.js'
import type { Metrics } from '../load/metrics.js'
import type { Unit } from '../units.js'

/** One column of a case's table. */
export interface Column {
  /** The metric, with its run's prefix where it has one: `8000.seconds`. */
  metric: string
  title: string
  unit: Unit
  /** Whether the ratio to ours is shown beside the value. */
  compared?: boolean
}

/** One server process and one load process. */
export interface Run {
  /** Keeps the metrics of several runs of one case apart. */
  prefix?: string
  request: LoadRequest
  needs: readonly Ability[]
}

/** One table of the report. */
export interface BenchCase {
  name: string
  title: string
  about: string
  runs: readonly Run[]
  columns: readonly Column[]
  /** What is compared, where it is not the published peers. */
  contestants?: readonly Contestant[]
  /** The server is several processes: they and the load share all cores. */
  together?: boolean
  /** Memory hardly differs from round to round: one is enough. */
  once?: boolean
  /** Metrics that follow from the medians of the others. */
  derive?: (metrics: Metrics) => Metrics
}
