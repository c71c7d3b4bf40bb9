import { expect, test } from 'vitest'
import { rules } from './rules.js'
import { modelWithout } from './taken-out.js'

// how many schedules of each kind are run until one goes wrong
const most = 400

test.each(rules)(
  'without this rule schedules go wrong: $rule',
  { timeout: 300_000 },
  async (rule) => {
    const { walk } = await modelWithout(rule)
    expect(walk(most, 1, rule.scenarios)?.faults).not.toEqual(undefined)
  },
)
