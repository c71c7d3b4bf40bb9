import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Campaign } from '../src/campaign.js'
import { checkoutAt } from '../src/checkout.js'
import { storms } from '../src/storms/all-storms.js'

// One or two for each decoder, endpoint and protocol; `yarn fuzz` and `yarn stress` run all storms in
// full.
const inTests = new Set([
  'msgpack-pattern',
  'msgpack',
  'json-rtc',
  'engine-packets',
  'polling-payloads',
  'bursts-identify',
  'bursts-ls',
  'foreign-rooms',
  'app-forms',
  'wrong-passwords',
  'log-disk-full',
  'public-links',
  'cookies-of-foreign-pages',
  'lost-names',
])

let campaign: Campaign

beforeAll(async () => {
  campaign = await Campaign.start(checkoutAt())
}, 60_000)

afterAll(() => campaign.abandon())

describe('storms in small', () => {
  it.each(storms.filter(({ name }) => inTests.has(name)))(
    'row $row: $name harms nobody else',
    async (storm) => {
      expect(await campaign.storm(storm, 1, 0.2)).toEqual([])
    },
    60_000,
  )
})
