#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { SignalServer } from 'signal-server'

const help = `Usage: signal-server [--port PORT] [--host HOST]

Introduces the peers of local-first apps to each other and pipes their connections.

  --port PORT  port to listen on, or PORT in the environment (8080)
  --host HOST  address to listen on, or HOST in the environment (all)
  --help       show this
`

try {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, host: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(help)
  } else {
    const server = new SignalServer()
    const host = values.host ?? process.env.HOST
    const { url } = await server.listen({
      port: portFrom(values.port ?? process.env.PORT ?? '8080'),
      ...(host && { host }),
    })
    console.log(`🐟 Listening at ${url}`)
    const stop = () => {
      // a second signal ends at once
      process.once('SIGTERM', () => process.exit(1)).once('SIGINT', () => process.exit(1))
      void server
        .drain()
        .then(() => server.close())
        .then(() => process.exit(0))
    }
    process.once('SIGTERM', stop).once('SIGINT', stop)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}

function portFrom(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new TypeError(`"${text}" is not a port: it must be a number from 0 to 65535.`)
  }
  return port
}
