import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { parseArgs } from 'node:util'

/** What a contestant prints, as one line of JSON, once it accepts connections. */
export interface Ready {
  port: number
  /** Where the second side of a pair connects to; the same port where left out. */
  farPort?: number
  /** The processes to measure. */
  pids: readonly number[]
  /** Whether SIGUSR2 makes them collect their garbage. */
  collects: boolean
}

const { values } = parseArgs({
  options: {
    key: { type: 'string' },
    cert: { type: 'string' },
    'backend-port': { type: 'string' },
    redis: { type: 'string' },
    workers: { type: 'string' },
  },
})

/** The files with the TLS key and certificate, where TLS is asked for. */
export const tlsFiles =
  values.key !== undefined && values.cert !== undefined
    ? { key: values.key, cert: values.cert }
    : undefined

/** Their contents. */
export const tls = tlsFiles && {
  key: readFileSync(tlsFiles.key),
  cert: readFileSync(tlsFiles.cert),
}

/** Where a contestant that only forwards has to connect to. */
export const backendPort = Number(values['backend-port'])

/** The Redis that joins an instance with others. */
export const redisUrl = values.redis ?? ''

/** How many workers serve one port. */
export const workerCount = Number(values.workers)

/** An HTTP server, or an HTTPS server where TLS is asked for. */
export const createWebServer = (): Server => (tls ? createHttpsServer(tls) : createHttpServer())

/** Tells the benchmark that the contestant is ready; from now on it ends with the benchmark. */
export function ready(
  port: number,
  { pids = [process.pid], farPort }: { pids?: readonly number[]; farPort?: number } = {},
): void {
  const collects = pids.length === 1 && pids[0] === process.pid && globalThis.gc !== undefined
  process.on('SIGUSR2', () => globalThis.gc?.())
  process.stdin.on('end', () => process.exit(0)).resume()
  process.stdout.write(`${JSON.stringify({ port, farPort, pids, collects })}\n`)
}

/** Listens on a free port of the loopback interface and tells the benchmark. */
export function listen(server: NetServer): void {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    ready((server.address() as AddressInfo).port),
  )
}
