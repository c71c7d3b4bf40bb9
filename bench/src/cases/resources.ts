import type { BenchCase } from './bench-case.js'

const megabyte = 1024 * 1024

function pairRate(quick: boolean): BenchCase {
  return {
    name: 'pair-rate',
    title: 'Pairs a second',
    about:
      'Two connections, their pairing, a message each way and the end of both; 50 at a time, after ' +
      'the first 2,000. The splice and HAProxy do it without HTTP.',
    runs: [
      {
        needs: ['pipe'],
        request: {
          load: 'pairRate',
          parameters: { warmUp: 2000, seconds: quick ? 0.6 : 0.8, atATime: 50 },
        },
      },
    ],
    columns: [
      { metric: 'pairsPerSecond', title: 'pairs/s', unit: 'count', compared: true },
      { metric: 'microsecondsPerPair', title: 'µs of CPU a pair', unit: 'plain', compared: true },
      { metric: 'serverBusy', title: 'server busy', unit: 'share' },
    ],
  }
}

function idleMemory(quick: boolean): BenchCase {
  const count = quick ? 1000 : 4000
  const shown = count.toLocaleString('en')
  const run = (what: 'waiting' | 'session' | 'pair', need: 'wait' | 'introductions' | 'pipe') => ({
    prefix: what,
    needs: [need] as const,
    request: { load: 'idleMemory' as const, parameters: { what, before: count, count } },
  })
  return {
    name: 'idle-memory',
    once: true,
    title: 'Memory of what is idle',
    about:
      `Resident memory for each of ${shown} more, with ${shown} there already, after a garbage ` +
      "collection. The kernel's buffers are not in it, nor is what V8 takes once: some 20 MB, when " +
      'the first thousands come.',
    runs: [run('waiting', 'wait'), run('session', 'introductions'), run('pair', 'pipe')],
    columns: [
      {
        metric: 'waiting.bytesEach',
        title: 'a waiting connection',
        unit: 'bytes',
        compared: true,
      },
      { metric: 'session.bytesEach', title: 'a session', unit: 'bytes', compared: true },
      { metric: 'pair.bytesEach', title: 'a pair', unit: 'bytes', compared: true },
    ],
  }
}

function stalledReader(quick: boolean): BenchCase {
  const limit = (quick ? 128 : 256) * megabyte
  return {
    name: 'stalled-reader',
    once: true,
    title: 'A reader that stalls',
    about:
      'One side stops reading while the other writes 64 KB messages, ' +
      `up to ${limit / megabyte} MB; then it reads on and everything has to arrive.`,
    runs: [
      {
        needs: ['pipe'],
        request: { load: 'stalledReader', parameters: { bytes: 64 * 1024, limit } },
      },
    ],
    columns: [
      { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
      { metric: 'swallowedBytes', title: 'taken from the writer', unit: 'bytes' },
    ],
  }
}

const stalledPairs: BenchCase = {
  name: 'stalled-pairs',
  once: true,
  title: '200 stalled pairs in the middle of a frame',
  about: 'Each writer has sent 4 MB of a 64 MB frame to a reader that does not read.',
  runs: [
    {
      needs: ['pipe', 'binary'],
      request: { load: 'stalledPairs', parameters: { pairs: 200, bytes: 4 * megabyte } },
    },
  ],
  columns: [
    { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
    { metric: 'closed', title: 'pairs ended', unit: 'count' },
    { metric: 'bystanderMilliseconds', title: 'a message of another pair', unit: 'milliseconds' },
  ],
}

const heldBytes: BenchCase = {
  name: 'held-bytes',
  once: true,
  title: '2,000 waiting connections that send 1 MB each',
  about: 'Nobody comes for them.',
  runs: [
    {
      needs: ['wait', 'hold'],
      request: { load: 'heldBytes', parameters: { sockets: 2000, bytes: megabyte } },
    },
  ],
  columns: [
    { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
    { metric: 'closed', title: 'connections ended', unit: 'count' },
  ],
}

const hugeFrame: BenchCase = {
  name: 'huge-frame',
  once: true,
  title: '2 GB in one frame',
  about: "The server's resident memory is sampled while the frame passes.",
  runs: [
    {
      needs: ['pipe', 'binary'],
      request: { load: 'hugeFrame', parameters: { bytes: 2 ** 31 } },
    },
  ],
  columns: [
    { metric: 'seconds', title: 'time', unit: 'seconds', compared: true },
    { metric: 'bytesPerSecond', title: 'payload/s', unit: 'bytes' },
    { metric: 'grownBytes', title: 'server memory grew by', unit: 'bytes', compared: true },
    { metric: 'secondsPerGigabyte', title: 's of CPU a GB', unit: 'plain' },
  ],
}

/** What connections cost when they come, wait, stall or carry a lot. */
export function resourceCases(quick: boolean): BenchCase[] {
  const always = [pairRate(quick), idleMemory(quick), stalledReader(quick), hugeFrame]
  return quick ? always : [...always, stalledPairs, heldBytes]
}
