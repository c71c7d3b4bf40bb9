/**
 * How deep a value of a client may be nested. It is more than any message needs, and far below the
 * depth at which `JSON.stringify` and other recursive functions have no stack left.
 */
export const deepest = 100

/** Whether a value is nested deeper than {@link deepest}: each array and object is a level. */
export const nestedTooDeep = (value: unknown): boolean => nestedDeeperThan(deepest, value)

function nestedDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  // Object.values would make a list for each of a hundred thousand empty ones
  if (Array.isArray(value)) {
    for (const each of value) if (nestedDeeperThan(levels - 1, each)) return true
  } else {
    for (const name in value) {
      if (nestedDeeperThan(levels - 1, (value as Record<string, unknown>)[name])) return true
    }
  }
  return false
}
