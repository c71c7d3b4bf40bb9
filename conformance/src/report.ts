import { styleText } from 'node:util'
import type { Result } from './runner.js'
import { titles } from './sections.js'

/** Orders sections by their numbers: 2.10 comes after 2.9. */
function compareSections(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** A list of what passed, failed and was skipped, section by section, and one line that sums it up. */
export function report(results: readonly Result[]): string {
  const sections = [...new Set(results.map(({ check }) => check.section))].sort(compareSections)
  const blocks = sections.map((section) => {
    const inSection = results.filter(({ check }) => check.section === section)
    const passed = inSection.filter(hasPassed).length
    const heading = `§${section} ${titles[section] ?? ''} (${passed} of ${inSection.length})`
    return [styleText('bold', heading), ...inSection.map(line)].join('\n')
  })
  const passed = results.filter(hasPassed).length
  const failed = results.filter(({ reason }) => reason !== undefined).length
  const skipped = results.length - passed - failed
  const counts = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`
  const summary = `${results.length} checks: ${counts}`
  return `${blocks.join('\n\n')}\n\n${styleText(failed ? 'red' : 'green', summary)}\n`
}

const hasPassed = ({ reason, skipped }: Result) => reason === undefined && skipped === undefined

function line({ check, reason, skipped, took }: Result): string {
  if (skipped) return `  ${styleText('yellow', '–')} ${check.sentence}\n      ${skipped}`
  const time = took > 1_000 ? ` (${(took / 1_000).toFixed(1)} s)` : ''
  if (reason === undefined) return `  ${styleText('green', '✓')} ${check.sentence}${time}`
  return `  ${styleText('red', '✗')} ${check.sentence}${time}\n      ${styleText('red', reason)}`
}
