import { afterAll, beforeAll, expect, it } from 'vitest'
import { Campaign } from '../src/campaign.js'
import { checkoutAt } from '../src/checkout.js'

let campaign: Campaign

beforeAll(async () => {
  campaign = await Campaign.start(checkoutAt())
}, 60_000)

afterAll(() => campaign.abandon())

it('survives clients that send anything, while others talk undisturbed', async () => {
  expect(await campaign.cases(1, 0, 500)).toEqual([])
  await campaign.end()
}, 120_000)
