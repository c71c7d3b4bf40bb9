import { expect, test } from 'vitest'
import { createBackoff } from '../src/backoff.js'

test('the ceiling doubles from the first to the longest', () => {
  const backoff = createBackoff(1_000, 30_000, () => 1)
  expect(Array.from({ length: 7 }, backoff.next)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ])
})

test('a wait is anything below its ceiling', () => {
  const parts = [0, 0.5, 0.25]
  const backoff = createBackoff(1_000, 30_000, () => parts.shift()!)
  expect(Array.from({ length: 3 }, backoff.next)).toEqual([0, 1_000, 1_000])
})

test('it starts anew when it is reset', () => {
  const backoff = createBackoff(1_000, 30_000, () => 1)
  backoff.next()
  backoff.next()
  backoff.reset()
  expect(backoff.next()).toBe(1_000)
})

test('a thousand clients that lose their server together spread over the first second', () => {
  const waits = Array.from({ length: 1_000 }, () => createBackoff().next())
  const tenths = Array.from({ length: 10 }, (_, at) => waits.filter((w) => (w / 100) >> 0 === at))
  for (const { length } of tenths) expect(length).toBeGreaterThan(50)
})
