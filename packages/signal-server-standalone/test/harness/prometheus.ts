import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually, within } from '../../../signal-server/test/harness/arrivals.js'
import { findProgram } from './proxy.js'
import { freePort } from './redis.js'

/** Debian's package `prometheus` brings both. */
const [prometheus, promtoolPath] = ['prometheus', 'promtool'].map(findProgram)

/** Whether tests that need Prometheus cannot run; in CI they must. */
export const prometheusMissing = !(prometheus && promtoolPath) && !process.env.CI

/** A title that says why a test did not run. */
export const prometheusTitle = (text: string): string =>
  prometheusMissing ? `${text} (not run: prometheus is not installed)` : text

/** The path of a file that is shipped for Prometheus or Grafana. */
export const watchingFile = (name: string): string =>
  fileURLToPath(new URL(`../../deploy/prometheus/${name}`, import.meta.url))

/** Runs promtool, and gives its exit status and all that it has printed. */
export function promtool(
  args: readonly string[],
  input = '',
): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync(promtoolPath ?? 'promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 15_000,
  })
  if (error) throw error
  return { status, output: stdout + stderr }
}

/** A series with the last of its values, or with all of them in time. */
export interface Series {
  metric: Record<string, string>
  value?: [time: number, value: string]
  values?: [time: number, value: string][]
}

/** What a dashboard asks for in the place of a variable. */
const variables = { $__rate_interval: '10s', $job: 'signal-server', $instance: '.+' }

/** A Prometheus with the shipped alerts that scrapes one server once per second. */
export class Prometheus {
  private constructor(readonly url: string) {}

  /** @param target - the URL of the server */
  static async start(target: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'signal-prometheus-'))
    const config = join(folder, 'prometheus.yml')
    const server = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [watchingFile('alerts.yml')],
      scrape_configs: [
        { job_name: 'signal-server', static_configs: [{ targets: [new URL(target).host] }] },
      ],
    }
    // JSON is YAML
    writeFileSync(config, JSON.stringify(server))
    const address = `127.0.0.1:${await freePort()}`
    const args = {
      'config.file': config,
      'storage.tsdb.path': join(folder, 'data'),
      'web.listen-address': address,
      'log.level': 'warn',
    }
    const child = spawn(
      prometheus ?? 'prometheus',
      Object.entries(args).map(([name, value]) => `--${name}=${value}`),
      { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const ended = once(child, 'close')
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await within(ended, 'the end of Prometheus')
      rmSync(folder, { recursive: true, force: true })
    })
    const url = `http://${address}`
    const ready = async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true
    await eventually(ready, 'Prometheus', 15_000)
    return new Prometheus(url)
  }

  /** What a query gives now; Grafana's variables may be in it. */
  async query(expression: string): Promise<Series[]> {
    const { result } = await this.ask<{ result: Series[] }>('query', { query: filled(expression) })
    return result
  }

  /** What a query gives for each second of the last ones. */
  async queryRange(expression: string, seconds: number): Promise<Series[]> {
    const end = Date.now() / 1_000
    const { result } = await this.ask<{ result: Series[] }>('query_range', {
      query: filled(expression),
      start: String(end - seconds),
      end: String(end),
      step: String(Math.max(1, Math.ceil(seconds / 1_000))),
    })
    return result
  }

  /** The rules that it has loaded, and whether it can evaluate them. */
  async rules(): Promise<{ name: string; health: string; lastError?: string }[]> {
    const { groups } = await this.ask<{ groups: { rules: [] }[] }>('rules', {})
    return groups.flatMap(({ rules }) => rules)
  }

  /** The names of all series that it has. */
  names(): Promise<string[]> {
    return this.ask('label/__name__/values', {})
  }

  private async ask<T>(what: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(
      `${this.url}/api/v1/${what}?${new URLSearchParams(parameters).toString()}`,
    )
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data: T
    }
    if (status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${error}`)
    return data
  }
}

function filled(expression: string): string {
  let query = expression
  for (const [name, value] of Object.entries(variables)) query = query.replaceAll(name, value)
  if (query.includes('$')) throw new Error(`Nobody knows the variable in ${query}`)
  return query
}

/** The queries of the shipped dashboard, each with the title of its panel. */
export function dashboardQueries(): { panel: string; expr: string }[] {
  interface Panel {
    type: string
    title: string
    targets?: { expr: string }[]
  }
  const { panels } = JSON.parse(readFileSync(watchingFile('dashboard.json'), 'utf8')) as {
    panels: Panel[]
  }
  return panels
    .filter(({ type }) => type !== 'row')
    .flatMap(({ title, targets = [] }) => {
      if (targets.length === 0) throw new Error(`The panel ${title} asks for nothing.`)
      return targets.map(({ expr }) => ({ panel: title, expr }))
    })
}
