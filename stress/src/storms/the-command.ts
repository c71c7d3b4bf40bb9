import { requestHead } from '../clients/plain-http.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { ServerProcess } from '../server/server-process.js'
import type { Target } from '../target.js'
import { pause, type Storm } from './storm.js'

// What only the command has: a log, and the page with its streams. It is started for each of them.

const commandOf = (target: Target, environment: Record<string, string> = {}) =>
  ServerProcess.command({ TRUST_PROXY: '1', ...environment }, target.checkout)

/** Somebody reads the log, and goes away. */
const logReader: Storm = {
  name: 'log-reader-gone',
  row: 56,
  async run(target, random) {
    const { server, log } = await commandOf(
      target,
      random.chance(0.5) ? { WEB_CONCURRENCY: '2' } : {},
    )
    try {
      const stream = log as NodeJS.ReadableStream & { destroy(): void }
      stream.destroy()
      await pause(100)
      const own = { ...target, port: server.port }
      const clients = await crowd(20, async (i) => {
        const client = await RawClient.open(own, `/introduction/logged-${i}`)
        client.json({ join: ['k'] })
        return client
      })
      await pause(1_000)
      const newcomer = await RawClient.open(own, '/introduction/newcomer')
      const faults =
        newcomer.accepted && server.alive
          ? []
          : ['The log: without a reader of its log the server serves nobody.']
      for (const client of [...clients, newcomer]) client.close()
      return { faults: [...faults, ...server.faults] }
    } finally {
      await server.stop()
    }
  },
}

/** One address takes all streams of the status page. */
const streams: Storm = {
  name: 'hoard-streams',
  row: 51,
  async run(target, _random, size) {
    const { server, log } = await commandOf(target)
    try {
      log.resume()
      const own = { ...target, port: server.port }
      const stream = async (headers: Record<string, string>) => {
        const client = new RawClient(own)
        client.write(Buffer.from(requestHead({ headers }, 'GET', '/status')))
        await client.hears(/event: hello|HTTP\/1.1 (?!200)/).catch(() => {})
        return client
      }
      const clients = await crowd(120 * size, () => stream({ ...target.headers }))
      const newcomer = await stream({ 'X-Forwarded-For': '198.51.100.3' })
      const served = newcomer.heard.includes('event: hello')
      for (const client of [...clients, newcomer]) client.close()
      return { faults: served ? [] : ['Newcomer, status page: no stream is left for it.'] }
    } finally {
      await server.stop()
    }
  },
}

export const theCommand: readonly Storm[] = [logReader, streams]
