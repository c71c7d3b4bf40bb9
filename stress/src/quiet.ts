import type { ServerProcess } from './server/server-process.js'

/** How long the last connections may take to go. */
const patience = 60_000

/**
 * Waits until every client is gone, and nothing of them is left.
 *
 * @param idleHandles - what kept the process busy before the first client came
 * @throws Error with what is left
 */
export async function quiet(server: ServerProcess, idleHandles: number): Promise<void> {
  const until = Date.now() + patience
  for (;;) {
    const { stats, handles, kinds } = await server.report()
    const { sockets, bufferedBytes, endpoints } = stats
    const gauges = Object.values(endpoints).flatMap((gauge) => Object.values(gauge))
    const empty = sockets === 0 && bufferedBytes === 0 && gauges.every((value) => value === 0)
    if (empty && handles <= idleHandles) return
    if (Date.now() > until) {
      throw new Error(
        `Left behind: ${JSON.stringify({ sockets, bufferedBytes, kinds, endpoints })}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
