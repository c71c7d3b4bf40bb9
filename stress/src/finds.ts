/** One way in which a campaign has found a fault. */
export interface Find {
  /** The storm, or `cases`. */
  readonly by: string
  /** What the judges said. */
  readonly sentences: readonly string[]
  /** How many cases, or how often this storm, until then. */
  readonly attempts: number
  /** Since the start of the campaign, in seconds. */
  readonly seconds: number
}

/** The finds as a table. */
export function table(finds: readonly Find[]): string {
  const rows = finds.map(({ by, sentences, attempts, seconds }) => {
    const first = sentences[0]!.split('\n')[0]!.slice(0, 100)
    return `${by.padEnd(28)} ${String(attempts).padStart(8)} ${seconds.toFixed(0).padStart(7)} s  ${first}`
  })
  const head = `${'found by'.padEnd(28)} ${'attempts'.padStart(8)} ${'after'.padStart(9)}  what`
  return [head, ...rows].join('\n')
}
