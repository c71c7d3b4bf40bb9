import { afterEach, expect, test, vi } from 'vitest'
import { createBackoff } from '../src/backoff.js'

afterEach(() => void vi.restoreAllMocks())

/** A back-off with a clock of its own, and how long each of its next pauses is. */
function clocked(first = 1_000, random = () => 1) {
  const clock = { now: 5_000 }
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now)
  vi.spyOn(Math, 'random').mockImplementation(random)
  const backoff = createBackoff(first)
  /** Fails so many times, each as soon as it may try again. */
  const pauses = (count: number) =>
    Array.from({ length: count }, () => {
      backoff.pause()
      const { wait } = backoff
      clock.now += wait
      return wait
    })
  return { backoff, clock, pauses }
}

test('the ceiling doubles from the first to 5 s', () => {
  const { pauses } = clocked()
  expect(pauses(5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000])
})

test('a client pauses at most 5 s in the first two minutes of an outage, 30 s afterwards', () => {
  const { pauses, clock } = clocked()
  const start = clock.now
  while (clock.now - start < 120_000) expect(pauses(1)[0]).toBeLessThanOrEqual(5_000)
  expect(pauses(5)).toEqual([5_000, 10_000, 20_000, 30_000, 30_000])
})

test('a pause is anything below its ceiling', () => {
  const parts = [0, 0.5, 0.25]
  const { pauses } = clocked(1_000, () => parts.shift()!)
  expect(pauses(3)).toEqual([0, 1_000, 1_000])
})

test('the first attempt is due at once, and so is one whose pause is over', () => {
  const { backoff, clock } = clocked()
  expect(backoff.wait).toBeLessThanOrEqual(0)
  backoff.pause()
  clock.now += 400
  expect(backoff.wait).toBe(600)
  clock.now += 700
  expect(backoff.wait).toBeLessThanOrEqual(0)
})

test('a pause may begin earlier than now', () => {
  const { backoff, clock } = clocked()
  backoff.pause(clock.now - 300)
  expect(backoff.wait).toBe(700)
})

test('it starts again with a first pause when it is reset', () => {
  const { backoff, pauses } = clocked()
  pauses(3)
  backoff.reset()
  expect(pauses(1)).toEqual([1_000])
})

test('attempts of more than a minute ago count no more', () => {
  const { pauses, clock } = clocked()
  pauses(3)
  clock.now += 60_001
  expect(pauses(1)).toEqual([1_000])
})

test('a thousand clients that lose their server together spread over the first second', () => {
  const waits = Array.from({ length: 1_000 }, () => {
    const backoff = createBackoff()
    backoff.pause()
    return backoff.wait
  })
  const tenths = Array.from({ length: 10 }, (_, at) => waits.filter((w) => (w / 100) >> 0 === at))
  for (const { length } of tenths) expect(length).toBeGreaterThan(50)
})
