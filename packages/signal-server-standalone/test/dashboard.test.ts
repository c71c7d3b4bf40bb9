import { readFileSync } from 'node:fs'
import { Tokens } from 'signal-server'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, ws } from './harness/command.js'
import { introduced, pair } from './harness/peers.js'
import {
  dashboardQueries,
  Prometheus,
  prometheusMissing,
  prometheusTitle,
  watchingFile,
  type Series,
} from './harness/prometheus.js'
import { redisMissing, redisTitle, startRedis } from './harness/redis.js'

// `yarn test:dashboard --minutes N` sets it
const minutes = Number(process.env.DASHBOARD_MINUTES ?? 0)
const secret = 'correct horse battery staple 123'

/** Clients that meet, talk, are refused and leave. */
async function meet(base: string, round: number): Promise<void> {
  const clients = await introduced(base, `key ${round}`)
  clients.push(...(await pair(base)))
  await expect(Client.open(`${ws(base)}/nowhere`)).rejects.toThrow('404')
  for (const client of clients) await client.close()
}

describe.skipIf(prometheusMissing || redisMissing)(
  prometheusTitle(redisTitle('Prometheus')),
  () => {
    test.each(['1', '2'])(
      'answers each query of the dashboard, and evaluates each alert (WEB_CONCURRENCY=%s)',
      { timeout: 120_000 + minutes * 60_000 },
      async (WEB_CONCURRENCY) => {
        const { url } = await Command.serve({
          WEB_CONCURRENCY,
          APP_SECRET: secret,
          REDIS_URL: await startRedis(),
          LOG_LEVEL: 'warning',
        })
        const base = `${url}/t/${await new Tokens({ secret }).issue({ app: 'chat' })}`
        const prometheus = await Prometheus.start(url)
        const started = performance.now()
        const passed = () => (performance.now() - started) / 1_000
        const queries = dashboardQueries()
        let unanswered = queries
        let round = 0
        await eventually(
          async () => {
            await meet(base, round++)
            const answers = await Promise.all(unanswered.map(({ expr }) => prometheus.query(expr)))
            unanswered = unanswered.filter((_, index) => answers[index]!.length === 0)
            return unanswered.length === 0
          },
          () => `a row for each query; none for ${JSON.stringify(unanswered, undefined, 2)}`,
          60_000,
        )
        while (passed() < minutes * 60) await meet(base, round++)

        const period = Math.ceil(passed())
        for (const { panel, expr } of queries) {
          const rows = await prometheus.queryRange(expr, period)
          expect(rows.length, `${panel}: ${expr}`).toBeGreaterThan(0)
          if (minutes > 0) console.log(line(panel, expr, rows))
        }
        const [piped] = await prometheus.query('signal_piped_messages_total')
        expect(Number(piped?.value?.[1])).toBeGreaterThan(0)

        await eventually(
          async () => (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
          'the first evaluation of each alert',
        )
        const rules = await prometheus.rules()
        expect(rules.length).toBeGreaterThan(0)
        for (const { name, health, lastError } of rules) {
          expect([name, health, lastError]).toEqual([name, 'ok', undefined])
        }
        // a misspelt name gives no row, and no error either
        expect(await prometheus.names()).toEqual(expect.arrayContaining(namesInAlerts()))
      },
    )
  },
)

/** Metrics that the alerts ask for. */
function namesInAlerts(): string[] {
  const { groups } = parse(readFileSync(watchingFile('alerts.yml'), 'utf8')) as {
    groups: { rules: { expr: string }[] }[]
  }
  const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
  const names = expressions.flatMap((expr) =>
    expr.match(/\b(?:up|(?:signal|nodejs|process)_\w+)\b(?!")/g),
  )
  return [...new Set(names)] as string[]
}

/** One query of a panel with its answer, for people. */
function line(panel: string, expr: string, rows: readonly Series[]): string {
  const points = rows.reduce((sum, { values = [] }) => sum + values.length, 0)
  return `${panel}: ${rows.length} rows, ${points} points, last ${rows[0]?.values?.at(-1)?.[1]} (${expr})`
}
