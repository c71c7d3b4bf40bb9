import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { allCases } from './cases/all-cases.js'
import { severalCases } from './cases/several.js'
import { makeCertificate } from './certificate.js'
import { pinned } from './child.js'
import { contestants } from './contestants/contestants.js'
import { writeDocument, writeSeveral } from './document.js'
import { machine } from './machine.js'
import { section, type CaseReport } from './report.js'
import { runCase } from './run.js'

const usage = `yarn bench [options]
  --quick          one round of the main cases and contestants: less than two minutes
  --several        pipes between two instances, and several workers, instead: less than two minutes
  --only CASE,…    these cases alone
  --peers NAME,…   these contestants alone (ours,localfirst,ws,peerjs,splice,haproxy)
  --rounds N       how often each run is repeated; the medians count
  --json FILE      writes everything that was measured
  --write          puts the tables and plots into docs/BENCHMARKS.md

HAProxy is taken from /usr/sbin/haproxy, or from where BENCH_HAPROXY says. Pipes between instances
need redis-server.
`

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(2)
}

function parse() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        several: { type: 'boolean', default: false },
        only: { type: 'string' },
        peers: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

/** The things with these names (a list with commas), or the given default where there is none. */
function chosen<Thing extends { name: string }>(
  things: readonly Thing[],
  names: string | undefined,
  otherwise: readonly Thing[] = things,
): readonly Thing[] {
  if (names === undefined) return otherwise
  const wanted = names.split(',')
  for (const name of wanted) {
    if (!things.some((thing) => thing.name === name))
      fail(`"${name}" is none of ${things.map((thing) => thing.name).join(', ')}`)
  }
  return things.filter(({ name }) => wanted.includes(name))
}

const options = parse()
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
if (!Number.isInteger(rounds) || rounds < 1) fail('--rounds takes a whole number above 0')
if (options.write && (options.quick || options.only !== undefined || options.peers !== undefined))
  fail('--write takes a whole run: all cases, all contestants, full length')
const [single, several] = [allCases(options.quick), severalCases(options.quick)]
const cases = chosen([...single, ...several], options.only, options.several ? several : single)
const peers = chosen(
  contestants,
  options.peers,
  options.quick
    ? contestants.filter(({ name }) => name !== 'peerjs' && name !== 'haproxy')
    : contestants,
)

// The benchmark itself does next to nothing, and does it on the load's core.
if (pinned) spawnSync('taskset', ['-cp', '1', String(process.pid)])
const warn = (text: string) => process.stderr.write(`${text}\n`)
if (!pinned) warn('Fewer than two cores or no taskset: server and load disturb each other.')
const idle = loadavg()[0]! < 0.5
if (!idle) warn('The machine is busy with something else: expect noise.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const certificate = await makeCertificate()
const reports: CaseReport[] = []
for (const benchCase of cases) {
  const compared = benchCase.contestants ?? peers
  const results = await runCase(benchCase, compared, rounds, certificate, warn)
  const report: CaseReport = { benchCase, contestants: compared, results }
  reports.push(report)
  process.stdout.write(`${section(report)}\n`)
}
if (options.json !== undefined)
  writeFileSync(
    options.json,
    JSON.stringify(
      reports.map(({ benchCase, results }) => ({ case: benchCase.name, results })),
      null,
      2,
    ),
  )
if (options.write) {
  const measuredOn = machine(rounds, idle)
  if (options.several) writeSeveral(measuredOn, reports)
  else writeDocument(measuredOn, reports, peers)
}
