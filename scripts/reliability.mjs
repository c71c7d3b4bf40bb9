// `yarn test:reliability [FROM-TO]`: runs the tests that are named after the rows of
// docs/RELIABILITY.md, and prints each row with its tests and their results.
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.mjs'
import { run } from './child.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

const marks = { passed: '✓', failed: '✗', skipped: '–', missing: '?' }

/** The rows of the document, by number. */
function promisedRows() {
  const text = readFileSync(join(root, 'docs', 'RELIABILITY.md'), 'utf8')
  const rows = text.matchAll(/^\| (\d+) +\| (.+?) +\|/gm)
  return new Map(Array.from(rows, ([, number, what]) => [Number(number), what]))
}

/** The results of the tests, by the row that their title begins with. */
function resultsByRow(report) {
  const byRow = new Map()
  for (const { assertionResults } of report.testResults) {
    for (const { title, ancestorTitles, status } of assertionResults) {
      const named = [...ancestorTitles, title].join(' › ')
      const row = Number(/\brow (\d+)\b/.exec(named)?.[1])
      if (!row) continue
      const result = status === 'passed' || status === 'failed' ? status : 'skipped'
      byRow.set(row, [...(byRow.get(row) ?? []), { named, result }])
    }
  }
  return byRow
}

try {
  await setUp()
  await build()
} catch (error) {
  fail(error)
}
const folder = mkdtempSync(join(tmpdir(), 'reliability-'))
const file = join(folder, 'report.json')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const args = ['run', '-t', 'row \\d+', '--reporter=json', `--outputFile=${file}`]
await run(process.execPath, [vitest, ...args], { cwd: root })
const byRow = resultsByRow(JSON.parse(readFileSync(file, 'utf8')))
rmSync(folder, { recursive: true })

const [from, to] = (process.argv[2] ?? '1-Infinity').split('-').map(Number)
const counts = { passed: 0, failed: 0, skipped: 0, missing: 0 }
for (const [row, what] of promisedRows()) {
  if (row < from || row > (to ?? from)) continue
  const tests = byRow.get(row) ?? []
  const has = (result) => tests.some((test) => test.result === result)
  const result = ['failed', 'passed', 'skipped'].find(has) ?? 'missing'
  counts[result]++
  console.log(`${marks[result]} row ${row}: ${what}`)
  for (const test of tests) console.log(`    ${marks[test.result]} ${test.named}`)
}
console.log(
  `\n${counts.passed} rows passed, ${counts.failed} failed, ` +
    `${counts.skipped} skipped, ${counts.missing} without a test`,
)
if (counts.failed + counts.skipped + counts.missing > 0) process.exitCode = 1
