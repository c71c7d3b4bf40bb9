import { expect, test } from 'vitest'
import { isRoomKey, judge, newcomer, roomKey, settled } from '../src/rooms/standing.js'

const claimant = (id: string, since: number) => ({ id, since, claim: true as const })
const member = (id: string, since: number) => ({ id, since })

test.each([
  ['nobody is there', [], 'won'],
  ['a member is there', [member('b', 9)], 'lost'],
  ['an earlier claim is there', [claimant('b', 1)], 'lost'],
  ['a later claim is there', [claimant('b', 9)], 'look again'],
  ['a claim of the same time and a lower id is there', [claimant('0', 5)], 'lost'],
  ['a claim of the same time and a higher id is there', [claimant('b', 5)], 'look again'],
  ['later claims and a member are there', [claimant('b', 9), member('c', 9)], 'lost'],
] as const)('a claim to a room where %s is %s', (_where, others, verdict) => {
  expect(judge(claimant('a', 5), others)).toBe(verdict)
})

test('of two claims, in whatever order they are shown and look, one wins at most', () => {
  // each shows its claim, then looks, and again where it must; all orders of two times three steps
  const steps = (order: readonly string[]) => {
    const claims = { a: claimant('a', 1), b: claimant('b', 2) }
    const there = new Map<string, { id: string; since: number; claim?: true }>()
    const over = new Set<string>()
    for (const id of order as ('a' | 'b')[]) {
      if (over.has(id)) continue
      if (!there.has(id)) {
        there.set(id, claims[id])
        continue
      }
      const others = [...there.values()].filter((other) => other.id !== id)
      const verdict = judge(claims[id], others)
      if (verdict === 'look again') continue
      over.add(id)
      if (verdict === 'won') there.set(id, member(id, claims[id].since))
      else there.delete(id)
    }
    return [...there.values()].filter(({ claim }) => !claim).length
  }
  const orders = (a: number, b: number): string[][] => {
    if (a + b === 0) return [[]]
    return [
      ...(a > 0 ? orders(a - 1, b).map((rest) => ['a', ...rest]) : []),
      ...(b > 0 ? orders(a, b - 1).map((rest) => ['b', ...rest]) : []),
    ]
  }
  const all = orders(4, 4)
  expect(all).toHaveLength(70)
  for (const order of all) expect(steps(order), order.join()).toBeLessThanOrEqual(1)
})

test('the owner is the member that has stood longest, and no claimant', () => {
  const members = [member('a', 7), claimant('b', 1), member('d', 3), member('c', 3)]
  expect(settled(members).map(({ id }) => id)).toEqual(['c', 'd', 'a'])
})

test('a newcomer stands behind everybody, whatever the clocks say', () => {
  expect(newcomer([], 100)).toBe(100)
  expect(newcomer([member('a', 50)], 100)).toBe(100)
  expect(newcomer([member('a', 5_000), member('b', 20)], 100)).toBe(5_001)
})

test('the keys of rooms are as different as their apps and names', () => {
  const keys = [
    roomKey('a', 'b'),
    roomKey('a"', 'b'),
    roomKey('a', '"b'),
    roomKey('a","b', ''),
    roomKey('', 'a","b'),
  ]
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.every(isRoomKey)).toBe(true)
})
