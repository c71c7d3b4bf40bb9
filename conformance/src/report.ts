import { styleText } from 'node:util'
import type { Result } from './runner.js'
import { titles } from './sections.js'

/** Orders sections by their numbers: 2.10 comes after 2.9. */
function compareSections(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** A list of what passed and failed, section by section, and one line that sums it up. */
export function report(results: readonly Result[]): string {
  const sections = [...new Set(results.map(({ check }) => check.section))].sort(compareSections)
  const blocks = sections.map((section) => {
    const inSection = results.filter(({ check }) => check.section === section)
    const passed = inSection.filter(({ reason }) => reason === undefined).length
    const heading = `§${section} ${titles[section] ?? ''} (${passed} of ${inSection.length})`
    return [styleText('bold', heading), ...inSection.map(line)].join('\n')
  })
  const failed = results.filter(({ reason }) => reason !== undefined).length
  const summary = `${results.length} checks: ${results.length - failed} passed, ${failed} failed`
  return `${blocks.join('\n\n')}\n\n${styleText(failed ? 'red' : 'green', summary)}\n`
}

function line({ check, reason, took }: Result): string {
  const time = took > 1_000 ? ` (${(took / 1_000).toFixed(1)} s)` : ''
  if (reason === undefined) return `  ${styleText('green', '✓')} ${check.sentence}${time}`
  return `  ${styleText('red', '✗')} ${check.sentence}${time}\n      ${styleText('red', reason)}`
}
