import type { BenchCase, Column } from './cases/bench-case.js'
import type { Contestant } from './contestants/contestants.js'
import type { Result } from './run.js'
import { show } from './units.js'

/** What was measured in one case. */
export interface CaseReport {
  benchCase: BenchCase
  /** Whom the results are of, in any order. */
  contestants: readonly Contestant[]
  results: readonly Result[]
}

function ratio(value: number, ours: number): string {
  const times = value / ours
  const digits = times >= 10 ? times.toFixed(0) : times >= 1 ? times.toFixed(1) : times.toFixed(2)
  return ` (×${digits})`
}

function cell(column: Column, result: Result, ours: Result | undefined): string {
  const value = result.metrics[column.metric]
  const prefix = column.metric.includes('.') ? column.metric.split('.')[0]! : ''
  if (result.failures[prefix] !== undefined) return 'failed'
  if (value === undefined) return '—'
  const own = ours?.metrics[column.metric]
  const compared = column.compared === true && own !== undefined && ours !== result
  return show(value, column.unit) + (compared ? ratio(value, own) : '')
}

/** The table of a case, as aligned Markdown. Ratios are those to our server. */
function table({ benchCase, contestants, results }: CaseReport) {
  const ours = results.find((result) => result.contestant === 'ours')
  const rows = [
    ['', ...benchCase.columns.map((column) => column.title)],
    ...results.map((result) => {
      const { title, missing } = contestants.find(({ name }) => name === result.contestant)!
      if (missing !== undefined)
        return [title, missing, ...benchCase.columns.slice(1).map(() => '')]
      return [title, ...benchCase.columns.map((column) => cell(column, result, ours))]
    }),
  ]
  const widths = rows[0]!.map((_, index) =>
    Math.max(3, ...rows.map((row) => [...(row[index] ?? '')].length)),
  )
  const line = (row: readonly string[]) =>
    `| ${row.map((text, index) => pad(text, widths[index]!, index > 0)).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i > 0 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n')
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - [...text].length)
  return right ? space + text : text + space
}

/** What failed, a line each. */
function failures({ contestants, results }: CaseReport): string {
  return results
    .flatMap(({ contestant, failures }) =>
      Object.entries(failures).map(([prefix, reason]) => {
        const { title } = contestants.find(({ name }) => name === contestant)!
        return `- ${title}${prefix && ` (${prefix})`}: ${reason}\n`
      }),
    )
    .join('')
}

/** Title, explanation, table, and what failed. */
export function section(report: CaseReport): string {
  const { title, about } = report.benchCase
  const failed = failures(report)
  return `### ${title}\n\n${about}\n\n${table(report)}\n${failed && `\n${failed}`}`
}
