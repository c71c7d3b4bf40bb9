import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { barPanels, lineChart, type Panel } from 'signal-test-kit'
import type { Contestant } from './contestants/contestants.js'
import { section, type CaseReport } from './report.js'
import { show } from './units.js'

const document = new URL('../../docs/BENCHMARKS.md', import.meta.url)
const folder = new URL('../../docs/benchmarks/', import.meta.url)

const named = (reports: readonly CaseReport[], name: string) =>
  reports.find(({ benchCase }) => benchCase.name === name)

function cpuPlot(reports: readonly CaseReport[], contestants: readonly Contestant[]): string {
  const metric = 'microsecondsPerMessage'
  const panels = ['burst-64', 'burst-1k', 'stream-16k', 'stream-1m', 'chatty-200'].flatMap(
    (name): Panel[] => {
      const report = named(reports, name)
      if (!report) return []
      const bars = report.results.flatMap(({ metrics }, index) => {
        const value = metrics[metric]
        if (value === undefined) return []
        return [{ title: contestants[index]!.title, index, value, label: show(value, 'plain') }]
      })
      return [{ title: report.benchCase.title, bars }]
    },
  )
  return barPanels('Microseconds of server CPU a message (shorter is better)', panels)
}

function introductionsPlot({ results }: CaseReport, contestants: readonly Contestant[]): string {
  const series = results.map(({ metrics }, index) => ({
    title: contestants[index]!.title,
    points: Object.entries(metrics).flatMap(([name, value]) => {
      const peers = /^(\d+)x1\.seconds$/.exec(name)?.[1]
      return peers === undefined ? [] : [[Number(peers), value] as const]
    }),
  }))
  return lineChart(
    'Peers that join one key of their own each, all at once',
    { title: 'peers', show: (value) => value.toLocaleString('en'), logarithmic: true },
    { title: 'seconds', show: (value) => String(Number(value.toPrecision(1))), logarithmic: true },
    series,
  )
}

function hugeFramePlot({ results }: CaseReport, contestants: readonly Contestant[]): string {
  const series = results.map(({ samples, failures }, index) => ({
    title: contestants[index]!.title + (Object.keys(failures).length > 0 ? ' (refuses it)' : ''),
    points: samples,
  }))
  return lineChart(
    "The server's memory while 2 GB pass in one frame, above what it was before",
    { title: 'seconds', show: String },
    { title: 'MB', show: (value) => String(value / 1e6) },
    series,
  )
}

/** Replaces what stands between two markers of docs/BENCHMARKS.md. */
function replace(part: 'measured' | 'several', pieces: readonly string[]): void {
  const [begin, end] = [`<!-- ${part}: begin -->`, `<!-- ${part}: end -->`]
  const whole = readFileSync(document, 'utf8')
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/BENCHMARKS.md lacks ${begin} … ${end}`)
  const measured = [begin, ...pieces].join('\n\n')
  writeFileSync(document, `${whole.slice(0, from)}${measured}\n${whole.slice(to)}`)
}

/** Replaces what docs/BENCHMARKS.md says of servers of several processes. */
export function writeSeveral(machine: string, reports: readonly CaseReport[]): void {
  replace('several', [machine, reports.map((report) => section(report)).join('\n')])
}

/** Replaces what docs/BENCHMARKS.md says of servers of one process, and the plots beside it. */
export function writeDocument(
  machine: string,
  reports: readonly CaseReport[],
  contestants: readonly Contestant[],
): void {
  const plots: [file: string, title: string, drawing: string][] = [
    ['cpu.svg', 'CPU a message', cpuPlot(reports, contestants)],
  ]
  const introductions = named(reports, 'introductions-disjoint')
  const hugeFrame = named(reports, 'huge-frame')
  if (introductions) {
    const drawing = introductionsPlot(introductions, contestants)
    plots.push(['introductions.svg', 'Time of introductions', drawing])
  }
  if (hugeFrame) {
    plots.push(['huge-frame.svg', 'Memory of a huge frame', hugeFramePlot(hugeFrame, contestants)])
  }
  mkdirSync(folder, { recursive: true })
  for (const [file, , drawing] of plots) writeFileSync(new URL(file, folder), drawing)

  replace('measured', [
    machine,
    plots.map(([file, title]) => `![${title}](benchmarks/${file})`).join('\n\n'),
    reports.map((report) => section(report)).join('\n'),
  ])
}
