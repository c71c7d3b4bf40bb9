import type { Action } from './actions.js'
import { run } from './run.js'

/**
 * Takes actions out of a schedule that goes wrong as long as it still does.
 * @returns the rest: each action of it is needed
 */
export function shrink(actions: readonly Action[], seed: number): Action[] {
  let rest = [...actions]
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false
    for (let at = rest.length - 1; at >= 0; at--) {
      // ends are named by the order in which they start
      if (rest[at]!.does.type === 'start') continue
      const fewer = rest.toSpliced(at, 1)
      if (!isWrong(fewer, seed)) continue
      rest = fewer
      isSmaller = true
    }
  }
  return rest
}

function isWrong(actions: readonly Action[], seed: number): boolean {
  try {
    return run(actions, seed).faults.length > 0
  } catch {
    return true
  }
}
