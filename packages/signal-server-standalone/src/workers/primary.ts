import { randomBytes } from 'node:crypto'
import { serialize } from 'node:v8'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { Workers, type SignalServer } from 'signal-server'
import { banner } from '../banner.js'
import { endWithSignal } from '../end-with-signal.js'
import { outputMetrics } from '../http/output-metrics.js'
import { Logs } from '../logs.js'
import { readTls, serverFrom } from '../server-from.js'
import { SettingError } from '../setting-kinds.js'
import type { Settings } from '../settings.js'
import { Questions, answerQuestions } from './questions.js'
import { settingsOfWorker } from './settings-of-worker.js'
import { SharedTokens } from './shared-tokens.js'
import { topics, type Report, type Start } from './topics.js'
import { Totals } from './totals.js'

const script = fileURLToPath(new URL('../start.js', import.meta.url))
// a worker that says nothing for so long is left out, or counted as it was
const patience = 900

/**
 * Starts several processes on one port, and adds up what they count.
 * @throws SettingError where a setting is wrong; Error where it cannot listen
 */
export async function serveAsPrimary(settings: Settings): Promise<void> {
  const { workers: count, port, host, path: mount, tls } = settings
  const workers = new Workers({
    count,
    script,
    args: process.argv.slice(2),
    port,
    mount,
    tls: tls !== undefined,
    ...(host !== undefined && { host }),
  })
  const { bus } = workers
  const salt = randomBytes(16)
  const logs = new Logs(settings.logFormat, { salt, level: settings.logLevel })
  const tokens = settings.tokens && new SharedTokens(settings.tokens, bus)
  readTls(settings)
  // what is wrong is said here and once, and not by every worker
  await serverFrom(settings, tokens, undefined).close()
  await workerFrom(settings, tokens).close()

  const questions = new Questions(bus)
  const own = new Registry()
  outputMetrics(own)
  const totals = new Totals(own, (metrics) => {
    const living = workers.pids.filter((pid) => pid !== undefined).length
    return questions.ask<boolean, Report>(topics.report, metrics, living, patience)
  })
  workers.on('replaced', ({ number, pid, why }) => {
    logs.replaced(number, pid, why)
    totals.replaced(number, pid).catch(logs.fault)
  })
  await answerQuestions<null, Start>(bus, topics.start, logs.fault, () => ({
    salt,
    revoked: tokens?.revoked ?? [],
  }))
  await answerQuestions<null, string>(bus, topics.metrics, logs.fault, () => totals.metrics())

  const { url, port: actual } = await workers.start()
  if (settings.statusPage)
    every(1_000, logs.fault, async () => bus.publish(topics.stats, serialize(await totals.stats())))
  endWithSignal(async (signal) => {
    logs.draining(signal, await totals.stats())
    await workers.stop()
    logs.closed()
  })
  // whoever reads this may send a signal at once
  logs.listening(url, (columns) => banner({ ...settings, port: actual }, url, columns))
}

/** @throws SettingError with a sentence that says why a limit is lower than it was set */
function workerFrom(settings: Settings, tokens: SharedTokens | undefined): SignalServer {
  try {
    return serverFrom(settingsOfWorker(settings), tokens, undefined)
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    const part = `Each of ${settings.workers} workers gets its part of a limit for all.`
    throw new SettingError(`${error.message} ${part}`, { cause: error })
  }
}

/** Does something over and over, and never twice at the same time. */
function every(
  milliseconds: number,
  fault: (error: Error) => void,
  work: () => Promise<void>,
): void {
  let busy = false
  setInterval(() => {
    if (busy) return
    busy = true
    void work()
      .catch(fault)
      .finally(() => (busy = false))
  }, milliseconds).unref()
}
