import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Command } from './harness/command.js'
import { promtool, prometheusMissing, prometheusTitle, watchingFile } from './harness/prometheus.js'
import { introduced, pair } from './harness/peers.js'

interface Rules {
  groups: { rules: { alert: string }[] }[]
}

interface RuleTests {
  tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[]
}

const read = (name: string): unknown => parse(readFileSync(watchingFile(name), 'utf8'))

describe.skipIf(prometheusMissing)(prometheusTitle('promtool'), () => {
  test.each(['1', '2'])(
    'accepts the names of all metrics (WEB_CONCURRENCY=%s)',
    async (WEB_CONCURRENCY) => {
      // rooms are there only where tokens are
      const { url } = await Command.serve({ WEB_CONCURRENCY, APP_SECRET: 'x'.repeat(32) })
      const text = await (await fetch(`${url}/metrics`)).text()
      expect(text).toContain('signal_rooms_rooms')
      expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' })
    },
  )

  test('accepts metrics of limits that are off', async () => {
    const { url } = await Command.serve({ MAX_SOCKETS: 'none' })
    for (const client of [...(await introduced(url)), ...(await pair(url))]) await client.close()
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toMatch(/^signal_connections_max \+Inf$/m)
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' })
  })

  test('accepts the alert rules', () => {
    const { status, output } = promtool(['check', 'rules', watchingFile('alerts.yml')])
    expect(output).toMatch(/SUCCESS: \d+ rules found/)
    expect(status).toBe(0)
  })

  test('finds that the alerts fire when they should, and only then', () => {
    const { status, output } = promtool(['test', 'rules', watchingFile('alerts.test.yml')])
    expect(output).toContain('SUCCESS')
    expect(status).toBe(0)
  })
})

test('each alert has a test in which it fires, and one in which it does not', () => {
  const { groups } = read('alerts.yml') as Rules
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  expect(alerts.length).toBeGreaterThan(0)
  const { tests } = read('alerts.test.yml') as RuleTests
  const checks = tests.flatMap((one) => one.alert_rule_test)
  const tested = (fires: boolean) =>
    new Set(
      checks
        .filter(({ exp_alerts: alerts = [] }) => alerts.length > 0 === fires)
        .map(({ alertname }) => alertname),
    )
  expect(tested(true)).toEqual(new Set(alerts))
  expect(tested(false)).toEqual(new Set(alerts))
})
