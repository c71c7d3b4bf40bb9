import { lineChart } from 'signal-test-kit'

/** What was seen at one moment of a soak. */
export interface Sample {
  /** Since the start, in seconds. */
  at: number
  /** Resident memory of the server, in bytes, after a collection. */
  rss: number
  /** Heap in use, in bytes, after a collection. */
  heap: number
  sockets: number
}

/** The samples as a picture (SVG): memory in MB and the number of sockets, on one scale. */
export function curve(samples: readonly Sample[], title: string): string {
  const points = (value: (sample: Sample) => number) =>
    samples.map((sample) => [sample.at, value(sample)] as const)
  return lineChart(
    title,
    { title: 'seconds', show: String },
    { title: 'MB, sockets', show: String },
    [
      { title: 'memory, MB', points: points(({ rss }) => rss / 1e6) },
      { title: 'heap, MB', points: points(({ heap }) => heap / 1e6) },
      { title: 'sockets', points: points(({ sockets }) => sockets) },
    ],
  )
}
