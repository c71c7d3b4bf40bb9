/**
 * Whether a key is allowed by patterns: each is a key, or a prefix with `*` at its end. The time for
 * a key hardly grows with the number of patterns.
 */
export function allowing(patterns: readonly string[]): (key: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = withoutCovered(
    patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1)),
  )
  return (key) => {
    if (exact.has(key)) return true
    const prefix = lastUpTo(prefixes, key)
    return prefix !== undefined && key.startsWith(prefix)
  }
}

/** Sorted, without those that begin with another one. */
function withoutCovered(prefixes: readonly string[]): string[] {
  const kept: string[] = []
  for (const prefix of [...prefixes].sort()) {
    const last = kept.at(-1)
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix)
  }
  return kept
}

/**
 * The last of sorted texts that is not after another one. If one of the texts is a prefix of it, it
 * is this one: whatever stands between a text and its prefix begins with that prefix, too.
 */
function lastUpTo(sorted: readonly string[], text: string): string | undefined {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (sorted[middle]! <= text) from = middle + 1
    else to = middle
  }
  return sorted[from - 1]
}
