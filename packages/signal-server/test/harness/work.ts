import { expect } from 'vitest'

const rounds = 5

/** The CPU time that an action takes, in milliseconds: the least of several runs. */
export function workOf(action: () => unknown): number {
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    action()
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

/**
 * Expects that the work grows with the size and not faster: four times the size takes at most eleven
 * times as long, since the memory that it fills has to be collected. A cost that grows with the
 * square takes sixteen times as long.
 *
 * @param size - of the smaller input, in whatever unit `make` counts
 */
export function expectProportional<Input>(
  size: number,
  make: (size: number) => Input,
  act: (input: Input) => unknown,
): void {
  const [small, large] = [make(size), make(4 * size)]
  act(small)
  // what takes less than 5 ms is too short to be compared
  expect(workOf(() => act(large))).toBeLessThan(Math.max(5, 11 * workOf(() => act(small))))
}
