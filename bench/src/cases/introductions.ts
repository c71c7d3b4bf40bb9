import { fittedExponent } from '../statistics.js'
import type { BenchCase, Run } from './bench-case.js'

const disjoint = (peers: number, keys: number, limit = 90): Run => ({
  prefix: `${peers}x${keys}`,
  needs: ['introductions'],
  request: { load: 'introductions', parameters: { peers, keys, room: false, limit } },
})

function oneKeyEach(quick: boolean): BenchCase {
  const sizes = quick ? [1000, 2000, 4000] : [1000, 2000, 4000, 8000, 16_000]
  const metric = (peers: number) => `${peers}x1.seconds`
  return {
    name: 'introductions-disjoint',
    title: 'Peers that join one key of their own each',
    about:
      'All sessions are open, then all join at once. The time until the server has dealt with ' +
      'every Join, and the exponent of the power law that fits (1 is linear, 2 is quadratic). A run ' +
      'ends without a result after 25 s.',
    runs: sizes.map((peers) => disjoint(peers, 1, 25)),
    columns: [
      ...sizes.map((peers) => ({
        metric: metric(peers),
        title: `${peers.toLocaleString('en')} peers`,
        unit: 'seconds' as const,
        compared: true,
      })),
      { metric: 'exponent', title: 'exponent', unit: 'plain' },
    ],
    derive: (metrics) => ({
      exponent: fittedExponent(
        sizes.map((peers) => [peers, metrics[metric(peers)] ?? NaN] as const),
      ),
    }),
  }
}

function twentyKeysEach(quick: boolean): BenchCase {
  const peers = quick ? 500 : 1000
  return {
    name: 'introductions-20-keys',
    title: `${peers.toLocaleString('en')} peers that join 20 keys of their own each`,
    about: 'As before, with one Join of 20 keys a peer.',
    runs: [disjoint(peers, 20)],
    columns: [
      { metric: `${peers}x20.seconds`, title: 'time', unit: 'seconds', compared: true },
      { metric: `${peers}x20.serverCpu`, title: 'CPU', unit: 'seconds', compared: true },
    ],
  }
}

/** Just below what the server lets be registered in all, in few sessions and in many. */
const manyKeys: BenchCase = {
  name: 'introductions-many-keys',
  title: '490,000 registrations at once',
  about:
    'CPU for all Joins, and how long a bystander’s ping waits for its pong meanwhile. ' +
    'A run ends without a result after 5 s.',
  runs: [disjoint(490, 1000, 5), disjoint(9800, 50, 5)],
  columns: ['490x1000', '9800x50'].flatMap((prefix) => {
    const [peers, keys] = prefix.split('x').map(Number)
    const title = `${peers!.toLocaleString('en')} × ${keys!.toLocaleString('en')} keys`
    return [
      { metric: `${prefix}.serverCpu`, title: `${title}: CPU`, unit: 'seconds', compared: true },
      { metric: `${prefix}.delayP99`, title: 'pong p99', unit: 'milliseconds', compared: true },
    ] as const
  }),
}

function room(quick: boolean): BenchCase {
  const peers = quick ? 300 : 1000
  return {
    name: 'introductions-room',
    title: `One room of ${peers.toLocaleString('en')} peers`,
    about:
      'All join the same key at once, so that everyone is introduced to everyone: ' +
      `${(peers * (peers - 1)).toLocaleString('en')} Introductions.`,
    runs: [
      {
        needs: ['introductions'],
        request: { load: 'introductions', parameters: { peers, keys: 1, room: true, limit: 90 } },
      },
    ],
    columns: [
      { metric: 'seconds', title: 'time', unit: 'seconds', compared: true },
      { metric: 'serverCpu', title: 'CPU', unit: 'seconds', compared: true },
      { metric: 'repeated', title: 'repeated', unit: 'count' },
      { metric: 'delayMost', title: 'longest pong', unit: 'milliseconds', compared: true },
    ],
  }
}

/** What it costs to find each other. */
export function introductionCases(quick: boolean): BenchCase[] {
  return [oneKeyEach(quick), twentyKeysEach(quick), ...(quick ? [] : [manyKeys]), room(quick)]
}
