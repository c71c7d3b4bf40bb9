import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Turns } from '../src/rooms/turns.js'

function made(): Turns {
  const turns = new Turns()
  onTestFinished(() => turns.close())
  return turns
}

/** Keeps the thread busy. */
function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

test('row 52: rooms: the only request of a client passes those of clients that ask for more', async () => {
  const turns = made()
  const order: string[] = []
  const run = (name: string, ofMany: boolean) =>
    turns.run(async () => {
      busy(1)
      order.push(name)
      return Promise.resolve()
    }, ofMany)
  const many = Array.from({ length: 100 }, () => run('many', true))
  const single = Array.from({ length: 20 }, () => run('single', false))
  await Promise.all(single)
  const passed = order.filter((name) => name === 'many').length
  // they go on nevertheless
  expect(passed).toBeGreaterThan(2)
  expect(passed).toBeLessThan(60)
  await Promise.all(many)
  expect(order).toHaveLength(120)
})

test('row 52: rooms: requests that wait for something leave their turn to the next', async () => {
  const turns = made()
  let begun = 0
  let over = false
  const all = Array.from({ length: 200 }, () =>
    turns.run(async () => {
      begun++
      // such as the check of a token, by another thread
      await new Promise((resolve) => setTimeout(resolve, 20))
    }),
  )
  void Promise.all(all).then(() => (over = true))
  let turnsUntilBegun = 0
  while (begun < 200) {
    await turn()
    turnsUntilBegun++
  }
  expect(over).toBe(false)
  expect(turnsUntilBegun).toBeLessThan(100)
  await Promise.all(all)
})
