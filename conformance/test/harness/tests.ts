import { describe, test } from 'vitest'
import { runCheck, setPatience, type Check, type Subject } from '../../src/index.js'

// other tests keep the machine busy meanwhile
setPatience(15_000)

/** A test for each check; the hostile ones one after the other. */
export function tests(checks: readonly Check[], subject: Subject): void {
  for (const hostile of [false, true]) {
    const chosen = checks.filter((check) => (check.hostile ?? false) === hostile)
    if (chosen.length === 0) continue
    describe(hostile ? 'under fire' : 'in peace', { concurrent: !hostile }, () => {
      for (const check of chosen) {
        test(`§${check.section} ${check.sentence}`, () => runCheck(check, subject))
      }
    })
  }
}
