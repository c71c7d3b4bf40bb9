import { describe, expect, onTestFinished, test } from 'vitest'
import { FlapDamping, type Delayed } from '../src/introduction/sessions/flap-damping.js'

const make = (due: (delayed: readonly Delayed[]) => void = () => {}) => {
  const damping = new FlapDamping(due)
  onTestFinished(() => damping.close())
  return damping
}

const come = (damping: FlapDamping, id: string, key = 'k') =>
  damping.admit({ app: '', id, key, shown: false, heir: false })

describe('row 53: what is remembered of peers that come back', () => {
  test('is freed by the end of a pause, or when the peer leaves', async () => {
    const due: Delayed[] = []
    const damping = make((delayed) => due.push(...delayed))
    for (const id of ['stays', 'goes']) {
      expect([1, 2, 3, 4].map(() => come(damping, id))).toEqual([true, true, true, false])
      expect(damping.isHidden('', id, 'k')).toBe(true)
    }
    expect(damping.leave('', 'goes', 'k')).toBe(false)
    expect(damping.isDelayed('', 'goes', 'k')).toBe(false)
    await expect.poll(() => due.length, { timeout: 5_000 }).toBe(2)
    expect(due.map((delayed) => damping.release(delayed))).toEqual([true, false])
    expect(damping.isDelayed('', 'stays', 'k')).toBe(false)
    expect(damping.leave('', 'stays', 'k')).toBe(true)
  })

  test('is bounded, however many ids and keys come: the oldest are forgotten', () => {
    const damping = make()
    for (let n = 0; n < 3; n++) come(damping, 'before')
    for (let n = 0; n < 200_000; n++) come(damping, `id-${n % 500}`, `key-${n}`)
    expect(damping.size).toBeLessThanOrEqual(32_768)
    expect(come(damping, 'before')).toBe(true)
  })
})
