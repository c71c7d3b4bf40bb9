import type { BenchCase, Column } from './bench-case.js'

const perMessage: readonly Column[] = [
  { metric: 'messagesPerSecond', title: 'messages/s', unit: 'count', compared: true },
  { metric: 'microsecondsPerMessage', title: 'µs of CPU a message', unit: 'plain', compared: true },
]

const perByte: readonly Column[] = [
  { metric: 'bytesPerSecond', title: 'payload/s', unit: 'bytes' },
  { metric: 'secondsPerGigabyte', title: 's of CPU a GB', unit: 'plain' },
]

const busy: Column = { metric: 'serverBusy', title: 'server busy', unit: 'share' }

/** Name, title and the size of the messages. */
const streams = [
  ['burst-64', 'Burst of 64 B messages', 64],
  ['burst-1k', 'Burst of 1 KB messages', 1024],
  ['stream-16k', '16 KB messages', 16 * 1024],
  ['stream-1m', '1 MB messages', 1024 * 1024],
] as const

/** Name, title and the number of pairs. */
const chats = [
  ['chatty-200', '200 chatty pairs', 200],
  ['chatty-2000', '2,000 chatty pairs', 2000],
] as const

function stream([name, title, bytes]: (typeof streams)[number], quick: boolean): BenchCase {
  const parameters = quick
    ? { bytes, seconds: 0.5, warmUp: 0.2 }
    : { bytes, seconds: 0.5, warmUp: 0.3 }
  return {
    name,
    title,
    about: 'One pair, one direction, as fast as the server takes it.',
    runs: [{ needs: ['pipe'], request: { load: 'throughput', parameters } }],
    columns: [...perMessage, ...(bytes >= 16 * 1024 ? perByte : []), busy],
  }
}

function chat([name, title, pairs]: (typeof chats)[number], quick: boolean): BenchCase {
  const parameters = quick
    ? { pairs, bytes: 128, seconds: 0.5, warmUp: 0.3 }
    : { pairs, bytes: 128, seconds: 0.6, warmUp: 0.3 }
  return {
    name,
    title,
    about: 'Each pair plays one message of 128 bytes to and fro; a message counts one way.',
    runs: [{ needs: ['pipe'], request: { load: 'chatty', parameters } }],
    columns: [...perMessage, busy],
  }
}

function roundTrip(quick: boolean): BenchCase {
  const common = { bytes: 128, seconds: quick ? 0.6 : 1.2, pairs: 100 }
  return {
    name: 'round-trip',
    title: 'Round trip of one 128 B message',
    about:
      'One pair, idle but for its one message; and the same while 100 other pairs carry ' +
      '20,000 messages a second between them.',
    runs: [
      {
        prefix: 'idle',
        needs: ['pipe'],
        request: { load: 'roundTrip', parameters: { ...common, background: 0 } },
      },
      {
        prefix: 'loaded',
        needs: ['pipe'],
        request: { load: 'roundTrip', parameters: { ...common, background: 20_000 } },
      },
    ],
    columns: [
      { metric: 'idle.p50', title: 'idle p50, µs', unit: 'plain', compared: true },
      { metric: 'idle.p99', title: 'idle p99, µs', unit: 'plain', compared: true },
      { metric: 'loaded.p50', title: 'loaded p50, µs', unit: 'plain', compared: true },
      { metric: 'loaded.p99', title: 'loaded p99, µs', unit: 'plain', compared: true },
      { metric: 'loaded.serverBusy', title: 'server busy', unit: 'share' },
    ],
  }
}

/** The same case through TLS on both sides of the server. */
function overTls(benchCase: BenchCase): BenchCase {
  return {
    ...benchCase,
    name: `tls-${benchCase.name}`,
    title: `${benchCase.title}, over TLS`,
    runs: benchCase.runs.map((run) => ({ ...run, needs: [...run.needs, 'tls'] as const })),
  }
}

/** What a pair costs while it talks. */
export function pipeCases(quick: boolean): BenchCase[] {
  const cases = [...streams.map((each) => stream(each, quick)), chat(chats[0], quick)]
  if (!quick) cases.push(chat(chats[1], quick), overTls(stream(streams[2], quick)))
  return [...cases, overTls(chat(chats[0], quick)), roundTrip(quick)]
}
