import { contestants, type Contestant } from '../contestants/contestants.js'
import { redisVersion } from '../contestants/redis-server.js'
import type { BenchCase } from './bench-case.js'

const local = contestants.find(({ name }) => name === 'ours')!

const needsRedis = () =>
  redisVersion() === undefined ? { missing: 'redis-server is not installed' } : {}

const contestantsOfTwoInstances = (): Contestant[] => [
  { ...local, title: 'both sides on one instance' },
  { ...local, ...needsRedis(), name: 'two-instances', title: 'two instances on one Redis' },
  {
    name: 'redis',
    title: 'Redis publish/subscribe alone',
    wire: 'redis',
    abilities: ['pipe'],
    ...needsRedis(),
  },
]

const workers = (count: number): Contestant => ({
  ...local,
  name: `workers-${count}`,
  title: count === 1 ? '1 worker' : `${count} workers`,
  file: 'workers',
  args: ['--workers', String(count)],
})

function betweenInstances(quick: boolean): BenchCase {
  const seconds = quick ? 0.4 : 0.7
  const stream = (prefix: string, bytes: number) => ({
    prefix,
    needs: ['pipe'] as const,
    request: { load: 'throughput' as const, parameters: { bytes, seconds, warmUp: 0.4 } },
  })
  const trip = { bytes: 128, seconds, pairs: 1, background: 0 }
  return {
    name: 'two-instances',
    title: 'A pipe between two instances',
    about:
      'One pair, one direction, as fast as it is taken; and the round trip of one 128 B message. ' +
      'CPU is that of both instances and Redis. Below: the same messages without us, each ' +
      'published by the load and heard by the load.',
    together: true,
    contestants: contestantsOfTwoInstances(),
    runs: [
      stream('1k', 1024),
      stream('16k', 16 * 1024),
      stream('64k', 64 * 1024),
      { prefix: 'trip', needs: ['pipe'], request: { load: 'roundTrip', parameters: trip } },
    ],
    columns: [
      { metric: '1k.bytesPerSecond', title: '1 KB: payload/s', unit: 'bytes', compared: true },
      { metric: '16k.bytesPerSecond', title: '16 KB', unit: 'bytes', compared: true },
      { metric: '64k.bytesPerSecond', title: '64 KB', unit: 'bytes', compared: true },
      { metric: '64k.secondsPerGigabyte', title: 's of CPU a GB', unit: 'plain', compared: true },
      { metric: 'trip.p50', title: 'round trip p50, µs', unit: 'plain', compared: true },
      { metric: 'trip.p99', title: 'p99, µs', unit: 'plain', compared: true },
    ],
  }
}

function severalWorkers(quick: boolean): BenchCase {
  const seconds = quick ? 0.5 : 0.9
  const stream = { pairs: 16, bytes: 1024, seconds, warmUp: 0.4 }
  const chat = { pairs: 200, bytes: 128, seconds, warmUp: 0.4 }
  return {
    name: 'workers',
    title: 'Several workers on one port',
    about:
      '16 pairs that stream 1 KB messages in one direction, and 200 that play one of 128 bytes to ' +
      'and fro. Server and load share all cores: where both together use all of them, more ' +
      'workers would do more on a larger machine.',
    together: true,
    contestants: [{ ...local, title: 'no workers' }, workers(1), workers(2)],
    runs: [
      { prefix: '1k', needs: ['pipe'], request: { load: 'throughput', parameters: stream } },
      { prefix: 'chat', needs: ['pipe'], request: { load: 'chatty', parameters: chat } },
    ],
    columns: [
      { metric: '1k.messagesPerSecond', title: '1 KB messages/s', unit: 'count', compared: true },
      { metric: '1k.serverBusy', title: 'server busy', unit: 'share' },
      { metric: '1k.loadBusy', title: 'load busy', unit: 'share' },
      { metric: 'chat.messagesPerSecond', title: 'chatty/s', unit: 'count', compared: true },
      { metric: 'chat.serverBusy', title: 'server busy', unit: 'share' },
      { metric: 'chat.loadBusy', title: 'load busy', unit: 'share' },
    ],
  }
}

/** What a server of several processes carries: a part of the report of its own. */
export const severalCases = (quick: boolean): readonly BenchCase[] => [
  betweenInstances(quick),
  severalWorkers(quick),
]
