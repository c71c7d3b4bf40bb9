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
  const run = (name: string, later: boolean) =>
    turns.run(
      async () => {
        busy(1)
        order.push(name)
        return Promise.resolve()
      },
      'group',
      later,
    )
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
    }, 'group'),
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

test('rooms: groups take turns: one request waits for one of each other group', async () => {
  const turns = made()
  const order: string[] = []
  const run = (group: string, later: boolean) =>
    turns.run(
      async () => {
        order.push(group)
        return Promise.resolve()
      },
      group,
      later,
    )
  for (const later of [false, true]) {
    order.length = 0
    const many = Array.from({ length: 50 }, () => ['a', 'b']).flat()
    const all = many.map((group) => run(group, later))
    await Promise.all([...all, run('c', later), run('c', later)])
    expect(order).toHaveLength(102)
    expect(order.indexOf('c')).toBeLessThan(4)
    expect(order.lastIndexOf('c')).toBeLessThan(8)
  }
})

test('rooms: a small request passes large ones that take more than a turn', async () => {
  const turns = made()
  const order: string[] = []
  const run = (name: string, milliseconds: number, later: boolean) =>
    turns.run(
      async () => {
        busy(milliseconds)
        order.push(name)
        return Promise.resolve()
      },
      name,
      later,
    )
  const large = Array.from({ length: 20 }, () => run('large', 8, true))
  await Promise.all([...large, run('small', 0.1, false)])
  expect(order.indexOf('small')).toBeLessThan(4)
})
