/** What a load measured, by name. */
export type Metrics = Record<string, number>

/** Seconds since the beginning, and bytes. */
export type Sample = [seconds: number, bytes: number]
