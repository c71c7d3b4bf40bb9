import { describe, expect, it } from 'vitest'
import { fittedExponent, median, percentile } from '../src/statistics.js'

describe('median', () => {
  it('is the middle value, whatever the order', () => {
    expect(median([5, 1, 100])).toBe(5)
  })

  it('is the mean of the two middle values of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5)
  })

  it('leaves its argument as it is', () => {
    const values = [3, 2, 1]
    median(values)
    expect(values).toEqual([3, 2, 1])
  })

  it('is not a number for no values', () => {
    expect(median([])).toBeNaN()
  })
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n)

  it('is the smallest value that the share of the values does not exceed', () => {
    expect(percentile(hundred, 0.5)).toBe(50)
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile(hundred, 1)).toBe(100)
  })

  it('is the only value of one', () => {
    expect(percentile([7], 0.01)).toBe(7)
  })
})

describe('the fitted exponent', () => {
  const points = (exponent: number) =>
    [1000, 2000, 4000, 8000].map((x) => [x, 3e-6 * x ** exponent] as const)

  it('is the power of an exact power law', () => {
    for (const exponent of [0.5, 1, 2])
      expect(fittedExponent(points(exponent))).toBeCloseTo(exponent)
  })

  it('lies between the slopes of a curve that bends', () => {
    const bent = [...points(1), [16_000, 3e-6 * 64_000] as const]
    expect(fittedExponent(bent)).toBeGreaterThan(1)
    expect(fittedExponent(bent)).toBeLessThan(2)
  })

  it('leaves out what was not measured', () => {
    expect(fittedExponent([...points(2), [16_000, NaN]])).toBeCloseTo(2)
  })

  it('is not a number for a single point', () => {
    expect(fittedExponent([[1000, 1]])).toBeNaN()
  })
})
