/** The topics of the bus. Ids and keys may contain anything, so tuples are written as JSON. */
export const topics = {
  /** Every instance. */
  all: 'signal:all',
  /** One instance. */
  instance: (id: string): string => `signal:instance:${id}`,
  /** Everyone who has peers that want a key. */
  key: (app: string, key: string): string => `signal:key:${JSON.stringify([app, key])}`,
  /** Everyone who has one of two peers waiting, or piped, on a key. */
  pair: (app: string, ids: readonly [string, string], key: string): string =>
    `signal:pair:${JSON.stringify([app, ...[...ids].sort(), key])}`,
}
