import type { Target } from '../target.js'
import { crowd, RawClient } from './raw-client.js'

/** Pairs whose one side reads nothing, while the other one may send. */
export interface DeafPairs {
  readonly readers: readonly RawClient[]
  readonly senders: readonly RawClient[]
}

/**
 * Pipes so many pairs.
 * @param name - begins the ids of all of them
 */
export async function deafPairs(target: Target, count: number, name: string): Promise<DeafPairs> {
  const path = (one: string, other: string, i: number) =>
    `/connection/${name}-${one}-${i}/${name}-${other}-${i}/k`
  const readers = await crowd(count, (i) =>
    RawClient.open(target, path('deaf', 'loud', i), { deaf: true }),
  )
  const senders = await crowd(count, (i) => RawClient.open(target, path('loud', 'deaf', i)))
  return { readers, senders }
}
