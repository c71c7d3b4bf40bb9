import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPulse } from '../src/pulse.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A pulse, and when (in seconds since it started) it asked and gave up. */
function watched() {
  const start = Date.now()
  const asked: number[] = []
  const given: number[] = []
  const seconds = () => Math.round((Date.now() - start) / 1_000)
  const pulse = createPulse(
    () => asked.push(seconds()),
    () => given.push(seconds()),
  )
  pulse.start()
  return { pulse, asked, given }
}

test('a server that answers is asked every 20 s', () => {
  const { pulse, asked, given } = watched()
  for (let n = 0; n < 4; n++) {
    pulse.heard(true)
    vi.advanceTimersByTime(20_000)
  }
  expect([asked, given]).toEqual([[0, 20, 40, 60, 80], []])
})

test('one that falls silent is given up 15 s after the question', () => {
  const { pulse, asked, given } = watched()
  pulse.heard(true)
  vi.advanceTimersByTime(60_000)
  expect([asked, given]).toEqual([[0, 20], [35]])
})

test('anything that is heard is an answer', () => {
  const { pulse, given } = watched()
  pulse.heard(true)
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(30_000)
    pulse.heard(false)
  }
  expect(given).toEqual([])
})

test('a server that never answers does not know pings, and is not given up', () => {
  const { pulse, asked, given } = watched()
  pulse.heard(false)
  vi.advanceTimersByTime(100_000)
  expect(asked.length).toBeGreaterThan(1)
  expect(given).toEqual([])
})

test('after a check the answer must come within 5 s', () => {
  const { pulse, given } = watched()
  pulse.heard(true)
  vi.advanceTimersByTime(3_000)
  pulse.check()
  vi.advanceTimersByTime(10_000)
  expect(given).toEqual([8])
})

test('a pulse that was stopped asks and gives up no more', () => {
  const { pulse, asked, given } = watched()
  pulse.heard(true)
  pulse.stop()
  vi.advanceTimersByTime(100_000)
  expect([asked, given]).toEqual([[0], []])
})
