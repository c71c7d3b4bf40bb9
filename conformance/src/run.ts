#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { setPatience } from './arrivals.js'
import type { Check } from './check.js'
import { allChecks } from './checks/all.js'
import { firstLook } from './first-look.js'
import { report } from './report.js'
import { runChecks, type Result } from './runner.js'
import type { Subject } from './scene.js'

const usage = `Usage: yarn conformance <url> [options]

  <url>             of the server, such as ws://localhost:8080, with its token in front of the
                    paths where it asks for one: wss://signal.example/t/<token>
  --second <url>    another URL of the same server, for the second client of each pair
  --only <section>  only the checks of a section and its parts, such as 7 or §7.5; may be repeated
  --slow            also what takes up to 2 minutes: time-outs, and a thousand peers
  --behind-proxy    skip what a proxy in front of the server answers itself, and say so
  --patience <s>    seconds that a check waits for what the server owes (default 5)
`

process.exitCode = await main()

async function main(): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        second: { type: 'string' },
        only: { type: 'string', multiple: true },
        slow: { type: 'boolean', default: false },
        'behind-proxy': { type: 'boolean', default: false },
        patience: { type: 'string', default: '5' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return refuse((error as Error).message)
  }
  const { values, positionals } = parsed
  if (values.help) {
    console.log(usage)
    return 0
  }
  const [first, ...more] = positionals
  if (first === undefined || more.length > 0) return refuse('Which server? Give one URL.')
  const second = values.second ?? first
  for (const url of [first, second]) {
    if (!/^(ws|http)s?:\/\//.test(url) || !URL.canParse(url)) return refuse(`"${url}" is no URL.`)
  }
  const patience = Number(values.patience) * 1_000
  if (!(patience > 0)) return refuse('--patience takes a number of seconds.')
  setPatience(patience)

  const sections = values.only?.map((section) => section.replace(/^§/, ''))
  const chosen = allChecks.filter(
    ({ section, slow }) =>
      (values.slow || !slow) &&
      (!sections || sections.some((only) => section === only || section.startsWith(`${only}.`))),
  )
  if (chosen.length === 0) return refuse('No check belongs to that section.')

  let subject: Subject
  try {
    subject = await firstLook(first, second)
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
  const answeredBy = (check: Check) => (values['behind-proxy'] ? check.proxyAnswers : undefined)
  const results = chosen.flatMap((check): Result[] => {
    const skipped = answeredBy(check)
    return skipped ? [{ check, reason: undefined, skipped, took: 0 }] : []
  })
  const toRun = chosen.filter((check) => !answeredBy(check))
  await runChecks(toRun, subject, (result) => {
    results.push(result)
    if (process.stderr.isTTY) process.stderr.write(`\r${results.length} of ${chosen.length}\x1b[K`)
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  console.log(report(results))
  if (subject.common !== 'v0') {
    console.log(
      `v0 does not work there: where any dialect would do, clients spoke ${subject.common}.`,
    )
  }
  return results.some(({ reason }) => reason !== undefined) ? 1 : 0
}

function refuse(sentence: string): number {
  console.error(`${sentence}\n\n${usage}`)
  return 2
}
