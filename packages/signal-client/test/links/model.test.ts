import { expect, test } from 'vitest'
import { run, scenarios, schedule, walk } from './model/index.js'

const kinds = Object.keys(scenarios)

test(
  'in 10,000 schedules nothing is lost, doubled or reordered, and every shared key is open in the end',
  { timeout: 300_000 },
  () => {
    expect(walk(Math.ceil(10_000 / kinds.length))).toBeUndefined()
  },
)

test('a schedule is the same each time', () => {
  const [first, second] = [0, 1].map(() => run(schedule('three', 7), 7, true))
  expect(first!.trace.length).toBeGreaterThan(50)
  expect(second).toEqual(first)
})
