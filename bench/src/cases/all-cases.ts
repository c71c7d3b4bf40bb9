import type { BenchCase } from './bench-case.js'
import { introductionCases } from './introductions.js'
import { pipeCases } from './pipes.js'
import { resourceCases } from './resources.js'

/** What a whole run measures of servers of one process, in the order of the report. */
export const allCases = (quick: boolean): readonly BenchCase[] => [
  ...pipeCases(quick),
  ...introductionCases(quick),
  ...resourceCases(quick),
]
