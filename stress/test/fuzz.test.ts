import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasEngine, withoutEngine } from '../../packages/signal-redis/test/harness/engine.js'
import { Campaign } from '../src/campaign.js'
import { checkoutAt } from '../src/checkout.js'

const settings = [
  { name: 'one instance', instances: 1, runs: true },
  { name: `two instances on Redis${withoutEngine}`, instances: 2, runs: hasEngine },
]

describe.each(settings)('$name', ({ instances, runs }) => {
  let campaign: Campaign | undefined

  beforeAll(async () => {
    if (runs) campaign = await Campaign.start(checkoutAt(), instances)
  }, 60_000)

  afterAll(() => campaign?.abandon())

  it.runIf(runs)(
    'survives clients that send anything, while others talk undisturbed',
    async () => {
      expect(await campaign!.cases(1, 0, 500)).toEqual([])
      await campaign!.end()
    },
    120_000,
  )
})
