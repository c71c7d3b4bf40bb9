import { expectations, schedule, scenarios } from './actions.js'
import { run } from './run.js'

/** A schedule that went wrong. Its scenario and its seed run it again. */
export interface Found {
  readonly scenario: string
  readonly seed: number
  readonly faults: readonly string[]
}

/**
 * Runs schedules, one of each kind in turn, until one goes wrong.
 * @param count - how many of each kind
 * @param first - the first seed
 */
export function walk(
  count: number,
  first = 1,
  kinds: readonly string[] = Object.keys(scenarios),
): Found | undefined {
  const dials = new Map<string, number>()
  for (let seed = first; seed < first + count; seed++) {
    for (const scenario of kinds) {
      const found = (faults: readonly string[]): Found => ({ scenario, seed, faults })
      const { mostLost, mostDials } = expectations[scenario] ?? {}
      try {
        const outcome = run(schedule(scenario, seed), seed)
        if (outcome.faults.length > 0) return found(outcome.faults)
        if (mostLost !== undefined && outcome.lost > mostLost) return found(['a channel was lost'])
        dials.set(scenario, (dials.get(scenario) ?? 0) + outcome.dials)
      } catch (error) {
        return found([(error as Error).stack ?? String(error)])
      }
      const mean = dials.get(scenario)! / (seed - first + 1)
      const isMany = mostDials !== undefined && seed - first >= 99 && mean > mostDials
      if (isMany) return found([`${mean.toFixed(2)} dials on average`])
    }
  }
  return undefined
}
