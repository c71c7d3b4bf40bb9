import type { Ability } from './contestants/contestants.js'
import type { LoadRequest } from './load/loads.js'
import type { Metrics } from './load/metrics.js'
import { fittedExponent } from './statistics.js'
import type { Unit } from './units.js'

/** One column of a case's table. */
export interface Column {
  /** The metric, with its run's prefix where it has one: `8000.seconds`. */
  metric: string
  title: string
  unit: Unit
  /** Whether the ratio to ours is shown beside the value. */
  compared?: boolean
}

/** One server process and one load process. */
export interface Run {
  /** Keeps the metrics of several runs of one case apart. */
  prefix?: string
  request: LoadRequest
  needs: readonly Ability[]
}

export interface BenchCase {
  name: string
  title: string
  about: string
  runs: readonly Run[]
  columns: readonly Column[]
  /** Metrics that follow from the medians of the others. */
  derive?: (metrics: Metrics) => Metrics
}

const perMessage: readonly Column[] = [
  { metric: 'messagesPerSecond', title: 'messages/s', unit: 'count', compared: true },
  { metric: 'microsecondsPerMessage', title: 'µs of CPU a message', unit: 'plain', compared: true },
]
const busy: Column = { metric: 'serverBusy', title: 'server busy', unit: 'share' }

function throughputCase(
  name: string,
  title: string,
  bytes: number,
  quick: boolean,
  needs: readonly Ability[] = ['pipe'],
): BenchCase {
  const large = bytes >= 16 * 1024
  return {
    name,
    title,
    about: 'One pair, one direction, as fast as the server takes it.',
    runs: [
      {
        needs,
        request: {
          load: 'throughput',
          parameters: { bytes, seconds: quick ? 0.6 : 1.2, warmUp: quick ? 0.3 : 0.5 },
        },
      },
    ],
    columns: [
      ...perMessage,
      ...(large
        ? [
            { metric: 'bytesPerSecond', title: 'payload/s', unit: 'bytes' } as const,
            { metric: 'secondsPerGigabyte', title: 's of CPU a GB', unit: 'plain' } as const,
          ]
        : []),
      busy,
    ],
  }
}

function chattyCase(
  name: string,
  title: string,
  pairs: number,
  quick: boolean,
  needs: readonly Ability[] = ['pipe'],
): BenchCase {
  return {
    name,
    title,
    about: 'Each pair plays one message of 128 bytes to and fro; a message counts one way.',
    runs: [
      {
        needs,
        request: {
          load: 'chatty',
          parameters: {
            pairs,
            bytes: 128,
            seconds: quick ? 0.8 : 1.5,
            warmUp: quick ? 0.3 : 0.5,
          },
        },
      },
    ],
    columns: [...perMessage, busy],
  }
}

function introductionRun(prefix: string, peers: number, keys: number, room: boolean): Run {
  return {
    prefix,
    needs: ['introductions'],
    request: { load: 'introductions', parameters: { peers, keys, room, limit: 90 } },
  }
}

function disjointCase(quick: boolean): BenchCase {
  const sizes = quick ? [1000, 2000, 4000] : [1000, 2000, 4000, 8000, 16_000]
  return {
    name: 'introductions-disjoint',
    title: 'Introductions: peers that join a key of their own each',
    about:
      'All sessions are open, then all join at once. Seconds until the server has dealt with ' +
      'every Join, and the exponent of the power law that fits (1 is linear, 2 is quadratic).',
    runs: sizes.map((peers) => introductionRun(String(peers), peers, 1, false)),
    columns: [
      ...sizes.map((peers) => ({
        metric: `${peers}.seconds`,
        title: `${peers.toLocaleString('en')} peers`,
        unit: 'seconds' as const,
        compared: true,
      })),
      { metric: 'exponent', title: 'exponent', unit: 'plain' },
    ],
    derive: (metrics) => ({
      exponent: fittedExponent(
        sizes.flatMap((peers) => {
          const seconds = metrics[`${peers}.seconds`]
          return seconds === undefined ? [] : [[peers, seconds] as const]
        }),
      ),
    }),
  }
}

/** Everything that can be measured, in the order of the report. */
export function allCases(quick: boolean): BenchCase[] {
  return [
    throughputCase('burst-64', 'Burst of 64 B messages', 64, quick),
    throughputCase('burst-1k', 'Burst of 1 KB messages', 1024, quick),
    throughputCase('stream-16k', '16 KB messages', 16 * 1024, quick),
    throughputCase('stream-1m', '1 MB messages', 1024 * 1024, quick),
    chattyCase('chatty-200', '200 chatty pairs', 200, quick),
    disjointCase(quick),
    {
      name: 'stalled-reader',
      title: 'A reader that stalls',
      about:
        'One side stops reading while the other writes 64 KB messages, ' +
        `up to ${quick ? 256 : 512} MB; then it reads on and everything has to arrive.`,
      runs: [
        {
          needs: ['pipe'],
          request: {
            load: 'stalledReader',
            parameters: { bytes: 64 * 1024, limit: (quick ? 256 : 512) * 1024 * 1024 },
          },
        },
      ],
      columns: [
        { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
        { metric: 'swallowedBytes', title: 'taken from the writer', unit: 'bytes' },
      ],
    },
    {
      name: 'huge-frame',
      title: '2 GB in one frame',
      about: "The server's resident memory is sampled while the frame passes.",
      runs: [
        {
          needs: ['pipe', 'websocket'],
          request: { load: 'hugeFrame', parameters: { bytes: 2 ** 31 } },
        },
      ],
      columns: [
        { metric: 'seconds', title: 'time', unit: 'seconds', compared: true },
        { metric: 'bytesPerSecond', title: 'payload/s', unit: 'bytes' },
        { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
        { metric: 'secondsPerGigabyte', title: 's of CPU a GB', unit: 'plain' },
      ],
    },
  ]
}
